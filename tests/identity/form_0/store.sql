-- SQLite dump (by APSW 3.54.1.0)
-- SQLite version 3.54.1
-- Date: Mon Nov 30 06:21:01 2026
-- Tables like: (All)
-- Database: /srv/shop/made.db
-- User: root @ vm

-- The values of various per-database settings
PRAGMA page_size=4096;
-- PRAGMA encoding='UTF-8';
-- PRAGMA auto_vacuum=NONE;
-- PRAGMA max_page_count=4294967294;

BEGIN TRANSACTION;

-- Table  contracts
DROP TABLE IF EXISTS contracts;
CREATE TABLE contracts (
    id      INTEGER PRIMARY KEY,
    digest  TEXT NOT NULL UNIQUE,
    name    TEXT NOT NULL,
    version INTEGER NOT NULL,
    sources TEXT NOT NULL,
    UNIQUE (name, version)
) STRICT;
INSERT INTO contracts VALUES(1,'e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e','Shop',3,'[["shop.opord", "## Sells one thing: asks the price, takes the money, and sends it off.\nuse \"money.opord\" { Amount, Way }\n\ncontract Shop(id: str, buyer: str, way: Way) key id version 3\n\nfailure PayError { Declined(reason: str), Busy transient }\nrole clerk, manager\n\nevent parcel(code: str) keep key code\nevent give_up(why: str) by clerk\n\npure reduced(price: Amount) -> Amount\neffect price_of(buyer: str) -> Amount fails PayError { retry 2 times backoff 1s to 1m, timeout 5s }\neffect was_paid(key: str) -> str?\naction pay(buyer: str, amount: Amount) -> str fails PayError { key id for 24h, retry 2 times, timeout 30s, in doubt ask within 48h }\naction send(receipt: str) { in doubt check was_paid(call.key) after 5m }\naction refund(receipt: str) undoes pay { key \"{id}/refund\", in doubt repeat, repeatable }\n\ninitial state Asking -> Paying | Lost {\n  let price = perform price_of(buyer) else problem -> goto Lost(\"no price\")\n  let less = reduced(price)\n  goto Paying(less)\n}\n\nphase Buying {\n  state Paying(amount: Amount) -> Sending | Lost {\n    match commit pay(buyer, amount) {\n      ok receipt -> goto Sending(receipt, amount)\n      Declined(reason) -> goto Lost(reason)\n      Busy -> goto Lost(\"busy\")\n      InDoubt -> goto Lost(\"unknown\")\n    }\n  }\n  state Sending(receipt: str, amount: Amount) -> Underway | Refunding {\n    commit send(receipt)\n    match way {\n      Card -> goto Underway(receipt)\n      Invoice(days) -> {\n        if days > 30 { goto Refunding(receipt, \"too long\") } else { goto Underway(receipt) }\n      }\n    }\n  }\n}\n\nstate Underway(receipt: str) -> Done | Refunding {\n  on parcel(code) if code != \"\" -> goto Done(code, receipt)\n  on give_up(why) -> goto Refunding(receipt, why)\n  after 20d -> goto Refunding(receipt, \"lost on its way\")\n}\nstate Refunding(receipt: str, why: str) -> Lost {\n  commit refund(receipt)\n  goto Lost(why)\n}\nfinal state Done(code: str, receipt: str) success\nfinal state Lost(why: str) failure\n\nensure pay at most once\nensure every run ends within 60d\n"], ["money.opord", "record Amount { cents: int, currency: str }\nenum Way { Card, Invoice(days: int) }\n"]]');
INSERT INTO contracts VALUES(2,'89c3556de9a1942204d4b55c74141e9a9dcd38593d5a6fa4d2f9331520a1ef5d','Vault',1,'[["vault.opord", "# Keeps a secret until somebody confirms.\ncontract Vault(id: str, pin: secret str) key id version 1\n\nrecord Receipt { number: str, token: secret str }\nevent confirm(code: secret str) keep key \"once\"\nevent peek\naction charge(pin: secret str, code: secret str) -> Receipt { key id, in doubt ask }\n\ninitial state Locked -> Opening | Shut {\n  on confirm(code) -> goto Opening(code)\n  on peek ignore\n  after 30d -> goto Shut\n}\nstate Opening(code: secret str) -> Open {\n  let receipt = commit charge(pin, code)\n  goto Open(receipt)\n}\nfinal state Open(receipt: Receipt) success\nfinal state Shut failure\n"]]');
INSERT INTO contracts VALUES(3,'9d6d38c5954f63b7eac09ac497b4d3b823c78f0fc17d0d84a9798ba258875513','Spare',1,'[["spare.opord", "# No run was started with it.\ncontract Spare(id: str) key id version 1\ninitial state Open -> Shut {\n  after 1h -> goto Shut\n}\nfinal state Shut success\n"]]');

-- Table  event_keys
DROP TABLE IF EXISTS event_keys;
CREATE TABLE event_keys (
    run     INTEGER NOT NULL REFERENCES runs (id),
    event   TEXT NOT NULL,
    key     TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (run, event, key)
) STRICT, WITHOUT ROWID;
INSERT INTO event_keys VALUES(2,'parcel','c-old2','f80f6ec6967750b8d53b11c6ce4b1b09bbf4db6beb176eb5c7dc68cea00803c7');
INSERT INTO event_keys VALUES(3,'parcel','c-ended','507e053488fb7e5e1d281e50156960638ca692511084d7e802dd1ac15762d2c0');
INSERT INTO event_keys VALUES(6,'parcel','early','02df470f93f3109cb8516e1301d2e2af4759829a3c2927c625198b3165a3cf3a');
INSERT INTO event_keys VALUES(9,'confirm','once','6dd0146a.deV7228sKQeRSSp6aKNZo04QcNS4arZcDVC6ra/bX9Ll+sP95bzo4eKMJWT7f4N3iQJuwNUnhqWzmC04Us/BDFclhRxHKDjB4E3rtFO3Um3XgVR1nfsmP5H6s+4ikw==');
INSERT INTO event_keys VALUES(10,'confirm','once','6dd0146a.bgQXW0Lj7lHf+0puIzN92U5XXHZ/XOBnve0v7shZhSRnj0FCB2pSqLcCUiUK9kPzXW0jBYReGXxGBM4AcYbD2xfRZD0a273yOXS0w9ryk8MIRjiD//+zESJaxGJrVw==');

-- Table  heads
DROP TABLE IF EXISTS heads;
CREATE TABLE heads (
    run      INTEGER PRIMARY KEY REFERENCES runs (id),
    contract INTEGER NOT NULL,
    epoch    INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    hash     TEXT NOT NULL,
    arrivals INTEGER NOT NULL,
    state    TEXT NOT NULL,
    status   TEXT NOT NULL,
    outcome  TEXT,
    since    INTEGER NOT NULL,
    wake_at  INTEGER,
    worker   TEXT,
    reason   TEXT,
    body     TEXT NOT NULL
) STRICT;
INSERT INTO heads VALUES(2,1,1,10,'68b9353d08fd0299ea23dc06d10cc3c4f09b707fb8c0fbc6a378cd1946838f5b',0,'Done','ended','success',1796019659979733,NULL,NULL,NULL,'{"data":{"code":"c-old2","receipt":"r-ann"},"entered":5,"how":"event parcel from carrier","phase_since":1796019659979733,"settled":["pay"]}');
INSERT INTO heads VALUES(3,1,1,10,'994437db2a2b16c38156bd99261ab4a04b172f8b4d9e7306e826762dab40433c',0,'Done','ended','success',1796019659991336,NULL,NULL,NULL,'{"data":{"code":"c-ended","receipt":"r-ann"},"entered":5,"how":"event parcel from carrier","phase_since":1796019659991336,"settled":["pay"]}');
INSERT INTO heads VALUES(4,1,1,8,'3d7f867d86715b3bcee8ca55cd33a4044ca49a278e9a923768ebfdae2c1f101b',0,'Underway','waiting',NULL,1796019658915958,1797747658915958,NULL,NULL,'{"data":{"receipt":"r-ann"},"entered":4,"how":"commit send","phase_since":1796019658915958,"settled":["pay"],"timers":{"Underway after":1797747658915958}}');
INSERT INTO heads VALUES(5,1,1,2,'f07286755e2f56025130ecfbf74c2df43ded4c08ed1166abcda1b6ab48a9dbd7',0,'Asking','stalled',NULL,1796019658883633,NULL,NULL,'ZeroDivisionError: there is no rate for it','{"data":{},"entered":1,"phase_since":1796019658883633,"trouble":{"call":"reduced","error":"ZeroDivisionError: there is no rate for it","traceback":"Traceback (most recent call last):\n  File \"/srv/shop/opord/engine/flight.py\", line 272, in _pure\n    value = self.calls.pure(call, request.args)\n            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n  File \"/srv/shop/opord/engine/calls.py\", line 117, in pure\n    value = function(*args)\n            ^^^^^^^^^^^^^^^\n  File \"/srv/shop/make.py\", line 44, in reduced\n    raise ZeroDivisionError(\"there is no rate for it\")\nZeroDivisionError: there is no rate for it\n"}}');
INSERT INTO heads VALUES(6,1,1,4,'fda852b2a7b4bdcd539dc46e9c590071961d38ffd1f6d30f02cd01c476172869',1,'Paying','in_doubt',NULL,1796019658915613,1796192458931562,NULL,'nobody knows whether pay happened (ConnectionError: the line went dead); a person has to say','{"data":{"amount":{"cents":999,"currency":"eur"}},"entered":2,"pending":{"intent":{"args":{"amount":{"cents":999,"currency":"eur"},"buyer":"doubtful"},"asking":true,"call":"pay","doubts":[1],"first_at":1796019658915613,"given_up_at":1796019658931562,"in_flight":false,"key":"doubtful","next_at":1796019659049323,"reason":"ConnectionError: the line went dead","seq":3},"now":1796019658915613},"phase_since":1796019658915613}');
INSERT INTO heads VALUES(8,2,1,2,'7e00b08f3c76b8a4381279db8a65dff36fd505b933ea59e5cf5f38d7986c6c9b',0,'Locked','waiting',NULL,1796019658916285,1798611658916285,NULL,NULL,'{"data":{},"entered":1,"phase_since":1796019658916285,"timers":{"Locked after":1798611658916285}}');
INSERT INTO heads VALUES(9,2,2,6,'6ada586a3a363ddf6468fb1559aa629a2c1f7c668606bfaa7722915bb37e308b',0,'Open','ended','success',1796019660091725,NULL,NULL,NULL,'{"data":{"receipt":{"number":"n1","token":{"$sealed":"6dd0146a.DioSzRMXBmqfm4J/aPc7fi7//BpHnI6/F+I2D4EUPkcUIK5d9ZV/BY4yOyuNO1gAEGqAXA=="}}},"entered":3,"how":"commit charge","phase_since":1796019660091725,"settled":["charge"]}');
INSERT INTO heads VALUES(10,2,2,5,'8e9b9589f6293b9eed1f20a85434ddaf5666297f214927a3d71c2a3fad0f170e',0,'Opening','in_doubt',NULL,1796019660046511,NULL,NULL,'nobody knows whether charge happened (ConnectionError: the line went dead); a person has to say','{"data":{"code":{"$sealed":"6dd0146a.OHzc4UIDq5Fj/WkGbfxv4kBPEk6Cw2FgDank2YwxxaNAtFy1hsVSHL0aH3LKwEYvFtU="}},"entered":2,"how":"event confirm from ann","pending":{"intent":{"args":{"code":{"$sealed":"6dd0146a.koSQI0G4QUPvQe/gb3xi6PXQvFkWVa96K3RXob5zs+2ZLTInqkKX+YlU6SF2j7/6xSw="},"pin":{"$sealed":"6dd0146a.fGKfNvDu4jgAKyQJG5HfPrkvdxChHLen9yAbaO1uqBTTVji6964k0LGVsWWDvbemmi3l1Ae5"}},"asking":true,"call":"charge","doubts":[1],"first_at":1796019660099672,"given_up_at":1796019660121245,"in_flight":false,"key":"doubtful","next_at":1796019660922530,"reason":"ConnectionError: the line went dead","seq":4},"now":1796019660099672},"phase_since":1796019660046511}');
INSERT INTO heads VALUES(11,1,0,1,'4aee39a00df1957b52c2505080928919f0208c446b7a409502eda296a2ea34a4',0,'Asking','running',NULL,1796019661332276,1796019661332276,NULL,NULL,'{"data":{},"entered":1,"phase_since":1796019661332276}');
-- Triggers and indices on  heads
CREATE INDEX heads_by_outcome ON heads (outcome) WHERE outcome IS NOT NULL;
CREATE INDEX heads_by_state ON heads (state) WHERE status <> 'running';
CREATE INDEX heads_by_status ON heads (status) WHERE status <> 'running';
CREATE INDEX heads_due ON heads (contract, wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX heads_ended ON heads (contract, since) WHERE status = 'ended';
CREATE INDEX heads_running ON heads (run) WHERE status = 'running';

-- Table  identity
DROP TABLE IF EXISTS identity;
CREATE TABLE identity (
    id TEXT NOT NULL
) STRICT;
INSERT INTO identity VALUES('6058dac24704f3d6b88b850d202becb4');

-- Table  inbox
DROP TABLE IF EXISTS inbox;
CREATE TABLE inbox (
    id      INTEGER PRIMARY KEY,
    run     INTEGER NOT NULL REFERENCES runs (id),
    message TEXT NOT NULL,
    arrived INTEGER NOT NULL,
    kind    TEXT NOT NULL,
    body    TEXT,
    UNIQUE (run, message)
) STRICT;
INSERT INTO inbox VALUES(1,6,'01a22b1d-24e8-7a86-a6c1-76df4fb504c9',1796019660009091,'event','{"actor":"carrier","args":{"code":"early"},"event":"parcel","id":"01a22b1d-24e8-7a86-a6c1-76df4fb504c9","key":"early"}');
-- Triggers and indices on  inbox
CREATE INDEX inbox_waiting ON inbox (run) WHERE body IS NOT NULL;

-- Table  journal
DROP TABLE IF EXISTS journal;
CREATE TABLE journal (
    id   INTEGER PRIMARY KEY,
    run  INTEGER NOT NULL,
    seq  INTEGER NOT NULL,
    at   INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
INSERT INTO journal VALUES(2,2,1,1796019658859751,'started','{"at":"2026-11-30T06:20:58.859751Z","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","data":{},"epoch":1,"id":"2","input":{"buyer":"ann","id":"old2","way":"Card"},"kind":"started","name":"Shop","prev":"","run":"Shop/old2","seq":1,"to":"Asking","version":3,"worker":"vm:18673:6e124a"}','16cb0bb23c5a6475f7277364b64da00ff28d8c0e140dd15877d779865f29bc6c');
INSERT INTO journal VALUES(5,3,1,1796019658864116,'started','{"at":"2026-11-30T06:20:58.864116Z","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","data":{},"epoch":1,"id":"3","input":{"buyer":"ann","id":"ended","way":"Card"},"kind":"started","name":"Shop","prev":"","run":"Shop/ended","seq":1,"to":"Asking","version":3,"worker":"vm:18673:6e124a"}','9878f42351d9c90cba9ea0343e4617fd16e45871c106f323d0717e76bee95517');
INSERT INTO journal VALUES(6,2,2,1796019658879387,'transition','{"at":"2026-11-30T06:20:58.879387Z","calls":[{"call":"price_of","ms":0.1,"ok":{"cents":1000,"currency":"eur"}},{"call":"reduced","ok":{"cents":999,"currency":"eur"}}],"cause":"body","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","data":{"amount":{"cents":999,"currency":"eur"}},"epoch":1,"from":"Asking","kind":"transition","prev":"16cb0bb23c5a6475f7277364b64da00ff28d8c0e140dd15877d779865f29bc6c","run":"Shop/old2","seq":2,"to":"Paying","worker":"vm:18673:6e124a"}','eb63a0dfb776e6c772a9fed6e2914cd8d32ce08fbc72ca29091c2dcd4c7dc76c');
INSERT INTO journal VALUES(7,2,3,1796019658879387,'intent','{"args":{"amount":{"cents":999,"currency":"eur"},"buyer":"ann"},"at":"2026-11-30T06:20:58.879387Z","call":"pay","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","epoch":1,"key":"old2","kind":"intent","now":"2026-11-30T06:20:58.879387Z","prev":"eb63a0dfb776e6c772a9fed6e2914cd8d32ce08fbc72ca29091c2dcd4c7dc76c","run":"Shop/old2","seq":3,"worker":"vm:18673:6e124a"}','95b87d3a22fe53218acb326277ed5e0f3a521cece7338012e73195c9b37c323b');
INSERT INTO journal VALUES(11,4,1,1796019658879975,'started','{"at":"2026-11-30T06:20:58.879975Z","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","data":{},"epoch":1,"id":"4","input":{"buyer":"ann","id":"waiting","way":{"days":14,"type":"Invoice"}},"kind":"started","name":"Shop","prev":"","run":"Shop/waiting","seq":1,"to":"Asking","version":3,"worker":"vm:18673:6e124a"}','eff262b11e7484cb1e2f42f2cc8dc16de8315b52bfee393614c99a1b872439e7');
INSERT INTO journal VALUES(12,3,2,1796019658882937,'transition','{"at":"2026-11-30T06:20:58.882937Z","calls":[{"call":"price_of","ok":{"cents":1000,"currency":"eur"}},{"call":"reduced","ok":{"cents":999,"currency":"eur"}}],"cause":"body","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","data":{"amount":{"cents":999,"currency":"eur"}},"epoch":1,"from":"Asking","kind":"transition","prev":"9878f42351d9c90cba9ea0343e4617fd16e45871c106f323d0717e76bee95517","run":"Shop/ended","seq":2,"to":"Paying","worker":"vm:18673:6e124a"}','62ceb7b601aa5b70b5f3571cd03947dfd59b382f9318770ad95fc5823336ad31');
INSERT INTO journal VALUES(13,3,3,1796019658882937,'intent','{"args":{"amount":{"cents":999,"currency":"eur"},"buyer":"ann"},"at":"2026-11-30T06:20:58.882937Z","call":"pay","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","epoch":1,"key":"ended","kind":"intent","now":"2026-11-30T06:20:58.882937Z","prev":"62ceb7b601aa5b70b5f3571cd03947dfd59b382f9318770ad95fc5823336ad31","run":"Shop/ended","seq":3,"worker":"vm:18673:6e124a"}','fab96fa946134de11996469cb8e5bfaed2c3830c82dd138fc2e741389cdd4ee3');
INSERT INTO journal VALUES(14,2,4,1796019658883159,'outcome','{"at":"2026-11-30T06:20:58.883159Z","attempt":1,"by":"call","call":"pay","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","epoch":1,"key":"old2","kind":"outcome","outcome":{"ok":"r-ann"},"prev":"95b87d3a22fe53218acb326277ed5e0f3a521cece7338012e73195c9b37c323b","run":"Shop/old2","seq":4,"worker":"vm:18673:6e124a"}','73cb1a83b867561ec94f9aaca2871970e94d5964d26faa8cd222e821fcf0d499');
INSERT INTO journal VALUES(15,2,5,1796019658883159,'transition','{"at":"2026-11-30T06:20:58.883159Z","cause":"commit pay","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","data":{"amount":{"cents":999,"currency":"eur"},"receipt":"r-ann"},"epoch":1,"from":"Paying","kind":"transition","prev":"73cb1a83b867561ec94f9aaca2871970e94d5964d26faa8cd222e821fcf0d499","run":"Shop/old2","seq":5,"to":"Sending","worker":"vm:18673:6e124a"}','704fe9e3da7013808df01e5dbe7673876da654db6cdb018d2603f060008d0d41');
INSERT INTO journal VALUES(16,2,6,1796019658883159,'intent','{"args":{"receipt":"r-ann"},"at":"2026-11-30T06:20:58.883159Z","call":"send","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","epoch":1,"key":"Shop/old2/3","kind":"intent","now":"2026-11-30T06:20:58.883159Z","prev":"704fe9e3da7013808df01e5dbe7673876da654db6cdb018d2603f060008d0d41","run":"Shop/old2","seq":6,"worker":"vm:18673:6e124a"}','22ee34b64553111ce3fc911818b19ca921037fbca9d44bc713aef4806dcbdd9a');
INSERT INTO journal VALUES(19,5,1,1796019658883633,'started','{"at":"2026-11-30T06:20:58.883633Z","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","data":{},"epoch":1,"id":"5","input":{"buyer":"stalls","id":"stalls","way":"Card"},"kind":"started","name":"Shop","prev":"","run":"Shop/stalls","seq":1,"to":"Asking","version":3,"worker":"vm:18673:6e124a"}','0ef762d1d231b4d79021d965abff6f3c2712a23523fe760e5f2aeb7d42433076');
INSERT INTO journal VALUES(20,4,2,1796019658892538,'transition','{"at":"2026-11-30T06:20:58.892538Z","calls":[{"call":"price_of","ms":0.1,"ok":{"cents":1000,"currency":"eur"}},{"call":"reduced","ok":{"cents":999,"currency":"eur"}}],"cause":"body","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","data":{"amount":{"cents":999,"currency":"eur"}},"epoch":1,"from":"Asking","kind":"transition","prev":"eff262b11e7484cb1e2f42f2cc8dc16de8315b52bfee393614c99a1b872439e7","run":"Shop/waiting","seq":2,"to":"Paying","worker":"vm:18673:6e124a"}','c93af598bb231f93d014de3c00963e2f2c5450e6c7d536958e4ae8643f706869');
INSERT INTO journal VALUES(21,4,3,1796019658892538,'intent','{"args":{"amount":{"cents":999,"currency":"eur"},"buyer":"ann"},"at":"2026-11-30T06:20:58.892538Z","call":"pay","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","epoch":1,"key":"waiting","kind":"intent","now":"2026-11-30T06:20:58.892538Z","prev":"c93af598bb231f93d014de3c00963e2f2c5450e6c7d536958e4ae8643f706869","run":"Shop/waiting","seq":3,"worker":"vm:18673:6e124a"}','e828fe8178043f37e03bfcb6fea6c427e794b78a528cb4ae14a79ab8a7b421d2');
INSERT INTO journal VALUES(22,3,4,1796019658892872,'outcome','{"at":"2026-11-30T06:20:58.892872Z","attempt":1,"by":"call","call":"pay","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","epoch":1,"key":"ended","kind":"outcome","outcome":{"ok":"r-ann"},"prev":"fab96fa946134de11996469cb8e5bfaed2c3830c82dd138fc2e741389cdd4ee3","run":"Shop/ended","seq":4,"worker":"vm:18673:6e124a"}','6128b5c7863d04128f6802e4d06ad986a06c8b58618b15d411530822e05eba19');
INSERT INTO journal VALUES(23,3,5,1796019658892872,'transition','{"at":"2026-11-30T06:20:58.892872Z","cause":"commit pay","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","data":{"amount":{"cents":999,"currency":"eur"},"receipt":"r-ann"},"epoch":1,"from":"Paying","kind":"transition","prev":"6128b5c7863d04128f6802e4d06ad986a06c8b58618b15d411530822e05eba19","run":"Shop/ended","seq":5,"to":"Sending","worker":"vm:18673:6e124a"}','4167b2a5c22ac82f16402b6552db6298a26d19edd182cb7177cb657fad7554cd');
INSERT INTO journal VALUES(24,3,6,1796019658892872,'intent','{"args":{"receipt":"r-ann"},"at":"2026-11-30T06:20:58.892872Z","call":"send","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","epoch":1,"key":"Shop/ended/3","kind":"intent","now":"2026-11-30T06:20:58.892872Z","prev":"4167b2a5c22ac82f16402b6552db6298a26d19edd182cb7177cb657fad7554cd","run":"Shop/ended","seq":6,"worker":"vm:18673:6e124a"}','1c30f0c3e1098a9cc7adb752e2766932fec53009d8e1051bfcf06cb4c9b850f6');
INSERT INTO journal VALUES(25,2,7,1796019658893043,'outcome','{"at":"2026-11-30T06:20:58.893043Z","attempt":1,"by":"call","call":"send","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","epoch":1,"key":"Shop/old2/3","kind":"outcome","outcome":{"ok":null},"prev":"22ee34b64553111ce3fc911818b19ca921037fbca9d44bc713aef4806dcbdd9a","run":"Shop/old2","seq":7,"worker":"vm:18673:6e124a"}','9820041254031c9bf5eb2b2bae0710a1a2b4f2ef251571bb800e987ca0a711ca');
INSERT INTO journal VALUES(26,2,8,1796019658893043,'transition','{"at":"2026-11-30T06:20:58.893043Z","cause":"commit send","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","data":{"receipt":"r-ann"},"epoch":1,"from":"Sending","kind":"transition","prev":"9820041254031c9bf5eb2b2bae0710a1a2b4f2ef251571bb800e987ca0a711ca","run":"Shop/old2","seq":8,"timers":{"Underway after":"2026-12-20T06:20:58.893043Z"},"to":"Underway","worker":"vm:18673:6e124a"}','285a6e13425a5aebb7b455265f6bf6c94d91ad4374bb9a280ff5e3d418006231');
INSERT INTO journal VALUES(27,6,1,1796019658893276,'started','{"at":"2026-11-30T06:20:58.893276Z","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","data":{},"epoch":1,"id":"6","input":{"buyer":"doubtful","id":"doubtful","way":"Card"},"kind":"started","name":"Shop","prev":"","run":"Shop/doubtful","seq":1,"to":"Asking","version":3,"worker":"vm:18673:6e124a"}','60e4d09f26453940f21afc35a00f289fa214eab0fcad13779e6823a25715cd2e');
INSERT INTO journal VALUES(28,5,2,1796019658905744,'stalled','{"at":"2026-11-30T06:20:58.905744Z","call":"reduced","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","epoch":1,"error":"ZeroDivisionError: there is no rate for it","kind":"stalled","prev":"0ef762d1d231b4d79021d965abff6f3c2712a23523fe760e5f2aeb7d42433076","run":"Shop/stalls","seq":2,"traceback":"Traceback (most recent call last):\n  File \"/srv/shop/opord/engine/flight.py\", line 272, in _pure\n    value = self.calls.pure(call, request.args)\n            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n  File \"/srv/shop/opord/engine/calls.py\", line 117, in pure\n    value = function(*args)\n            ^^^^^^^^^^^^^^^\n  File \"/srv/shop/make.py\", line 44, in reduced\n    raise ZeroDivisionError(\"there is no rate for it\")\nZeroDivisionError: there is no rate for it\n","worker":"vm:18673:6e124a"}','f07286755e2f56025130ecfbf74c2df43ded4c08ed1166abcda1b6ab48a9dbd7');
INSERT INTO journal VALUES(29,4,4,1796019658907051,'outcome','{"at":"2026-11-30T06:20:58.907051Z","attempt":1,"by":"call","call":"pay","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","epoch":1,"key":"waiting","kind":"outcome","outcome":{"ok":"r-ann"},"prev":"e828fe8178043f37e03bfcb6fea6c427e794b78a528cb4ae14a79ab8a7b421d2","run":"Shop/waiting","seq":4,"worker":"vm:18673:6e124a"}','e7640647a81cf7c6e123cf39b43ac8991181aea12772e35311733578e0569c04');
INSERT INTO journal VALUES(30,4,5,1796019658907051,'transition','{"at":"2026-11-30T06:20:58.907051Z","cause":"commit pay","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","data":{"amount":{"cents":999,"currency":"eur"},"receipt":"r-ann"},"epoch":1,"from":"Paying","kind":"transition","prev":"e7640647a81cf7c6e123cf39b43ac8991181aea12772e35311733578e0569c04","run":"Shop/waiting","seq":5,"to":"Sending","worker":"vm:18673:6e124a"}','73239dddf0c04072cc0c7b35f97b128358a998ba399e1c26b8b1b78eb90ce442');
INSERT INTO journal VALUES(31,4,6,1796019658907051,'intent','{"args":{"receipt":"r-ann"},"at":"2026-11-30T06:20:58.907051Z","call":"send","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","epoch":1,"key":"Shop/waiting/3","kind":"intent","now":"2026-11-30T06:20:58.907051Z","prev":"73239dddf0c04072cc0c7b35f97b128358a998ba399e1c26b8b1b78eb90ce442","run":"Shop/waiting","seq":6,"worker":"vm:18673:6e124a"}','2b2d7c1590e1b98f7a15d6821439a760e3b25c91142770f7712c241bf19cdf21');
INSERT INTO journal VALUES(32,3,7,1796019658907342,'outcome','{"at":"2026-11-30T06:20:58.907342Z","attempt":1,"by":"call","call":"send","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","epoch":1,"key":"Shop/ended/3","kind":"outcome","outcome":{"ok":null},"prev":"1c30f0c3e1098a9cc7adb752e2766932fec53009d8e1051bfcf06cb4c9b850f6","run":"Shop/ended","seq":7,"worker":"vm:18673:6e124a"}','9fdded8511c7f279d20654a2fef5637d807fb2a1aee96d66268470645ef4d7a1');
INSERT INTO journal VALUES(33,3,8,1796019658907342,'transition','{"at":"2026-11-30T06:20:58.907342Z","cause":"commit send","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","data":{"receipt":"r-ann"},"epoch":1,"from":"Sending","kind":"transition","prev":"9fdded8511c7f279d20654a2fef5637d807fb2a1aee96d66268470645ef4d7a1","run":"Shop/ended","seq":8,"timers":{"Underway after":"2026-12-20T06:20:58.907342Z"},"to":"Underway","worker":"vm:18673:6e124a"}','9bbcc95413988e926cb4c92d8bab27de39faa41f813240e1f6d0fa1b3448d782');
INSERT INTO journal VALUES(35,6,2,1796019658915613,'transition','{"at":"2026-11-30T06:20:58.915613Z","calls":[{"call":"price_of","ms":0.1,"ok":{"cents":1000,"currency":"eur"}},{"call":"reduced","ok":{"cents":999,"currency":"eur"}}],"cause":"body","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","data":{"amount":{"cents":999,"currency":"eur"}},"epoch":1,"from":"Asking","kind":"transition","prev":"60e4d09f26453940f21afc35a00f289fa214eab0fcad13779e6823a25715cd2e","run":"Shop/doubtful","seq":2,"to":"Paying","worker":"vm:18673:6e124a"}','87d99807ca267668bc66ece4f6673b9bcf559a1a43f620e2bf6990d1fa4f70c4');
INSERT INTO journal VALUES(36,6,3,1796019658915613,'intent','{"args":{"amount":{"cents":999,"currency":"eur"},"buyer":"doubtful"},"at":"2026-11-30T06:20:58.915613Z","call":"pay","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","epoch":1,"key":"doubtful","kind":"intent","now":"2026-11-30T06:20:58.915613Z","prev":"87d99807ca267668bc66ece4f6673b9bcf559a1a43f620e2bf6990d1fa4f70c4","run":"Shop/doubtful","seq":3,"worker":"vm:18673:6e124a"}','d4a953aa5db4cf45d835717ce2126fb2a77503a398b5c17da3f81a68e4a83f7b');
INSERT INTO journal VALUES(37,4,7,1796019658915958,'outcome','{"at":"2026-11-30T06:20:58.915958Z","attempt":1,"by":"call","call":"send","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","epoch":1,"key":"Shop/waiting/3","kind":"outcome","outcome":{"ok":null},"prev":"2b2d7c1590e1b98f7a15d6821439a760e3b25c91142770f7712c241bf19cdf21","run":"Shop/waiting","seq":7,"worker":"vm:18673:6e124a"}','44572589aee90aa20544a9cf66a2b74b1cb260e81377bf89b8e5b159a79aaea3');
INSERT INTO journal VALUES(38,4,8,1796019658915958,'transition','{"at":"2026-11-30T06:20:58.915958Z","cause":"commit send","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","data":{"receipt":"r-ann"},"epoch":1,"from":"Sending","kind":"transition","prev":"44572589aee90aa20544a9cf66a2b74b1cb260e81377bf89b8e5b159a79aaea3","run":"Shop/waiting","seq":8,"timers":{"Underway after":"2026-12-20T06:20:58.915958Z"},"to":"Underway","worker":"vm:18673:6e124a"}','3d7f867d86715b3bcee8ca55cd33a4044ca49a278e9a923768ebfdae2c1f101b');
INSERT INTO journal VALUES(39,8,1,1796019658916285,'started','{"at":"2026-11-30T06:20:58.916285Z","contract":"89c3556de9a1942204d4b55c74141e9a9dcd38593d5a6fa4d2f9331520a1ef5d","data":{},"epoch":1,"id":"8","input":{"id":"locked","pin":{"$sealed":"6dd0146a.zVTUFDbz1syUsxVRYRV3bnDpRNv4SV6vjc4LUBoTDPAQNoLlU/hRQAQEoohqPereLw7xtA=="}},"kind":"started","name":"Vault","prev":"","run":"Vault/locked","seq":1,"timers":{"Locked after":"2026-12-30T06:20:58.916285Z"},"to":"Locked","version":1,"worker":"vm:18673:6e124a"}','b5cdf710a1e9402c808b780bb120f50910696bdbddec86dd50f90d066ced57f6');
INSERT INTO journal VALUES(42,6,4,1796019658931562,'doubt','{"at":"2026-11-30T06:20:58.931562Z","attempt":1,"call":"pay","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","epoch":1,"key":"doubtful","kind":"doubt","prev":"d4a953aa5db4cf45d835717ce2126fb2a77503a398b5c17da3f81a68e4a83f7b","reason":"ConnectionError: the line went dead","run":"Shop/doubtful","seq":4,"worker":"vm:18673:6e124a"}','fda852b2a7b4bdcd539dc46e9c590071961d38ffd1f6d30f02cd01c476172869');
INSERT INTO journal VALUES(43,9,1,1796019658931894,'started','{"at":"2026-11-30T06:20:58.931894Z","contract":"89c3556de9a1942204d4b55c74141e9a9dcd38593d5a6fa4d2f9331520a1ef5d","data":{},"epoch":1,"id":"9","input":{"id":"open","pin":{"$sealed":"6dd0146a.FnSOsarQciEtku0cPk+9THea30Ue0JbLYpykPIfklsqykFule2FM/RF2mbEcOJfIqTI="}},"kind":"started","name":"Vault","prev":"","run":"Vault/open","seq":1,"timers":{"Locked after":"2026-12-30T06:20:58.931894Z"},"to":"Locked","version":1,"worker":"vm:18673:6e124a"}','4fa620fd335ecaf634947d5e139e1c9f0b0e7bea67805c1e28b67bd78cc2c9a5');
INSERT INTO journal VALUES(46,10,1,1796019658939839,'started','{"at":"2026-11-30T06:20:58.939839Z","contract":"89c3556de9a1942204d4b55c74141e9a9dcd38593d5a6fa4d2f9331520a1ef5d","data":{},"epoch":1,"id":"10","input":{"id":"doubtful","pin":{"$sealed":"6dd0146a.r6wk13OkgbvIwELHf4utAJhgERcgomTwMcxVsZmHamPDlcpOaBeB6NZUC9kNFgiQJipqsKhX"}},"kind":"started","name":"Vault","prev":"","run":"Vault/doubtful","seq":1,"timers":{"Locked after":"2026-12-30T06:20:58.939839Z"},"to":"Locked","version":1,"worker":"vm:18673:6e124a"}','19fbabc3bb755838bd7edf8cd957a224e15962838953654ca91b7df395c8fc7b');
INSERT INTO journal VALUES(49,2,9,1796019659979733,'event','{"actor":"carrier","args":{"code":"c-old2"},"at":"2026-11-30T06:20:59.979733Z","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","epoch":1,"event":"parcel","id":"01a22b1d-24c5-754d-b4fb-651a6b6c85ce","key":"c-old2","kind":"event","prev":"285a6e13425a5aebb7b455265f6bf6c94d91ad4374bb9a280ff5e3d418006231","run":"Shop/old2","seq":9,"worker":"vm:18673:6e124a"}','4470ea957cbbbeaab3b0c3e8849cea10288b3f36df65fee039b7ae696ba763e1');
INSERT INTO journal VALUES(50,2,10,1796019659979733,'transition','{"at":"2026-11-30T06:20:59.979733Z","cause":"event parcel","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","data":{"code":"c-old2","receipt":"r-ann"},"epoch":1,"from":"Underway","kind":"transition","prev":"4470ea957cbbbeaab3b0c3e8849cea10288b3f36df65fee039b7ae696ba763e1","result":"success","run":"Shop/old2","seq":10,"to":"Done","worker":"vm:18673:6e124a"}','68b9353d08fd0299ea23dc06d10cc3c4f09b707fb8c0fbc6a378cd1946838f5b');
INSERT INTO journal VALUES(51,3,9,1796019659991336,'event','{"actor":"carrier","args":{"code":"c-ended"},"at":"2026-11-30T06:20:59.991336Z","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","epoch":1,"event":"parcel","id":"01a22b1d-24d4-7e7f-99dc-95ebf946044a","key":"c-ended","kind":"event","prev":"9bbcc95413988e926cb4c92d8bab27de39faa41f813240e1f6d0fa1b3448d782","run":"Shop/ended","seq":9,"worker":"vm:18673:6e124a"}','c0ab6e3b8190b01bdb5fc51daea731d1888a1bd6577af78e143fed064474f1ce');
INSERT INTO journal VALUES(52,3,10,1796019659991336,'transition','{"at":"2026-11-30T06:20:59.991336Z","cause":"event parcel","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","data":{"code":"c-ended","receipt":"r-ann"},"epoch":1,"from":"Underway","kind":"transition","prev":"c0ab6e3b8190b01bdb5fc51daea731d1888a1bd6577af78e143fed064474f1ce","result":"success","run":"Shop/ended","seq":10,"to":"Done","worker":"vm:18673:6e124a"}','994437db2a2b16c38156bd99261ab4a04b172f8b4d9e7306e826762dab40433c');
INSERT INTO journal VALUES(53,9,2,1796019660025012,'event','{"actor":"ann","args":{"code":{"$sealed":"6dd0146a.iBAvRl22w+g1dCA/Jj1k+zo3KARXuaEoY8ln55xfdPR356ECvoEO62Tll9UbKg=="}},"at":"2026-11-30T06:21:00.025012Z","contract":"89c3556de9a1942204d4b55c74141e9a9dcd38593d5a6fa4d2f9331520a1ef5d","epoch":1,"event":"confirm","id":"01a22b1d-24f4-7704-ab0a-011e13ea914e","key":"once","kind":"event","prev":"4fa620fd335ecaf634947d5e139e1c9f0b0e7bea67805c1e28b67bd78cc2c9a5","run":"Vault/open","seq":2,"worker":"vm:18673:6e124a"}','e6e60b26251d2d3727ee7692de06b9911075a799e9883bb069e405c7b3d8185c');
INSERT INTO journal VALUES(54,9,3,1796019660025012,'transition','{"at":"2026-11-30T06:21:00.025012Z","cause":"event confirm","contract":"89c3556de9a1942204d4b55c74141e9a9dcd38593d5a6fa4d2f9331520a1ef5d","data":{"code":{"$sealed":"6dd0146a.oZEhsvOInRlrQ8KEMzONGxKJAhpBdg/Xdi+uIRAOHt32ZKTZBrn+FiTFodcYOA=="}},"epoch":1,"from":"Locked","kind":"transition","prev":"e6e60b26251d2d3727ee7692de06b9911075a799e9883bb069e405c7b3d8185c","run":"Vault/open","seq":3,"to":"Opening","worker":"vm:18673:6e124a"}','de4aa353831eb63d05352f377b6baca277ffc71a52adaa93d32cb919e8097f11');
INSERT INTO journal VALUES(55,10,2,1796019660046511,'event','{"actor":"ann","args":{"code":{"$sealed":"6dd0146a.r0V921NnhWyU3ZOvUTQAxA9rymUTVjyoerobg4uQoRrt7Fiqnw54JC6TG4wVydC70AY="}},"at":"2026-11-30T06:21:00.046511Z","contract":"89c3556de9a1942204d4b55c74141e9a9dcd38593d5a6fa4d2f9331520a1ef5d","epoch":1,"event":"confirm","id":"01a22b1d-250c-7818-9720-e4a00ddc07c6","key":"once","kind":"event","prev":"19fbabc3bb755838bd7edf8cd957a224e15962838953654ca91b7df395c8fc7b","run":"Vault/doubtful","seq":2,"worker":"vm:18673:6e124a"}','49fa4580a13ef2ea66c1b1807fb542d681f5f1caadeabc13abb7fdb0b41bc20e');
INSERT INTO journal VALUES(56,10,3,1796019660046511,'transition','{"at":"2026-11-30T06:21:00.046511Z","cause":"event confirm","contract":"89c3556de9a1942204d4b55c74141e9a9dcd38593d5a6fa4d2f9331520a1ef5d","data":{"code":{"$sealed":"6dd0146a.xgSYUN+UZo3mPzolO+hN6nWqS+sIbjDt2Dwsuwphd/lMo/K/pwoiBio/OmL6V896b3o="}},"epoch":1,"from":"Locked","kind":"transition","prev":"49fa4580a13ef2ea66c1b1807fb542d681f5f1caadeabc13abb7fdb0b41bc20e","run":"Vault/doubtful","seq":3,"to":"Opening","worker":"vm:18673:6e124a"}','da34e519d87eb59fc7c341f65b0c50ce3ca22a50abef6fcf3041edd1b79a445c');
INSERT INTO journal VALUES(57,9,4,1796019660055862,'intent','{"args":{"code":{"$sealed":"6dd0146a.GCJzWdXzPUv4VGcr6zCoafo2MeKHXg8KviA87wBBoE7FLXZ1ohgm6Qyg+X04qw=="},"pin":{"$sealed":"6dd0146a.d/SwZ0oQ0n3WNMzn4xgKS6IeKFS93tihRhFncPB3W+r5vQVAwXnil9cvWW2rVhzEPG8="}},"at":"2026-11-30T06:21:00.055862Z","call":"charge","contract":"89c3556de9a1942204d4b55c74141e9a9dcd38593d5a6fa4d2f9331520a1ef5d","epoch":2,"key":"open","kind":"intent","now":"2026-11-30T06:21:00.055862Z","prev":"de4aa353831eb63d05352f377b6baca277ffc71a52adaa93d32cb919e8097f11","run":"Vault/open","seq":4,"worker":"vm:18673:6e124a"}','93785db03e1b0d7303d7aaf32016a6faaf3e1f6dd7daae56234a2dc6c2d4ee4f');
INSERT INTO journal VALUES(58,8,2,1796019660075517,'ignored','{"actor":"eve","args":{},"at":"2026-11-30T06:21:00.075517Z","contract":"89c3556de9a1942204d4b55c74141e9a9dcd38593d5a6fa4d2f9331520a1ef5d","epoch":1,"event":"peek","id":"01a22b1d-252b-7530-b672-ee91c9d4f7af","kind":"ignored","prev":"b5cdf710a1e9402c808b780bb120f50910696bdbddec86dd50f90d066ced57f6","run":"Vault/locked","seq":2,"worker":"vm:18673:6e124a"}','7e00b08f3c76b8a4381279db8a65dff36fd505b933ea59e5cf5f38d7986c6c9b');
INSERT INTO journal VALUES(59,9,5,1796019660091725,'outcome','{"at":"2026-11-30T06:21:00.091725Z","attempt":1,"by":"call","call":"charge","contract":"89c3556de9a1942204d4b55c74141e9a9dcd38593d5a6fa4d2f9331520a1ef5d","epoch":2,"key":"open","kind":"outcome","outcome":{"ok":{"number":"n1","token":{"$sealed":"6dd0146a.lCce9MNIDX+yooS4i81JZwJiz9+Kpp7bJf5WWa4p/rTQ90Gs5wnvNNUZI7/0cMdPTtogBw=="}}},"prev":"93785db03e1b0d7303d7aaf32016a6faaf3e1f6dd7daae56234a2dc6c2d4ee4f","run":"Vault/open","seq":5,"worker":"vm:18673:6e124a"}','c2a6a21b2c4acbe5968d46e4171d5ae485ef4eb0c0060c98b7284fb8cec81218');
INSERT INTO journal VALUES(60,9,6,1796019660091725,'transition','{"at":"2026-11-30T06:21:00.091725Z","cause":"commit charge","contract":"89c3556de9a1942204d4b55c74141e9a9dcd38593d5a6fa4d2f9331520a1ef5d","data":{"receipt":{"number":"n1","token":{"$sealed":"6dd0146a.OHG7ueQ9CYZKFZk3vCrHziF4uHVBv6rcyg4KfH6ayNf4Gf7W/nkS+Xyd+fdR+oPbHx4+Dw=="}}},"epoch":2,"from":"Opening","kind":"transition","prev":"c2a6a21b2c4acbe5968d46e4171d5ae485ef4eb0c0060c98b7284fb8cec81218","result":"success","run":"Vault/open","seq":6,"to":"Open","worker":"vm:18673:6e124a"}','6ada586a3a363ddf6468fb1559aa629a2c1f7c668606bfaa7722915bb37e308b');
INSERT INTO journal VALUES(61,10,4,1796019660099672,'intent','{"args":{"code":{"$sealed":"6dd0146a.wh7FKmxkkDqf3Bmw8uwzsnJeFRFN/zkVueb01R4Dio1/JcCT/8+NTzfLrTw9YZNHjFo="},"pin":{"$sealed":"6dd0146a.LG57mllFcBRbNFouLih1NzL2+U4u1kiFl9lcDekSMj23A+SIm2QKc5Rke9k01OfGFDBPR/ke"}},"at":"2026-11-30T06:21:00.099672Z","call":"charge","contract":"89c3556de9a1942204d4b55c74141e9a9dcd38593d5a6fa4d2f9331520a1ef5d","epoch":2,"key":"doubtful","kind":"intent","now":"2026-11-30T06:21:00.099672Z","prev":"da34e519d87eb59fc7c341f65b0c50ce3ca22a50abef6fcf3041edd1b79a445c","run":"Vault/doubtful","seq":4,"worker":"vm:18673:6e124a"}','e5d9af297dc64746a2c7e19405e534b063b2dc16045e20c12f5deddb1ef50e44');
INSERT INTO journal VALUES(62,10,5,1796019660121245,'doubt','{"at":"2026-11-30T06:21:00.121245Z","attempt":1,"call":"charge","contract":"89c3556de9a1942204d4b55c74141e9a9dcd38593d5a6fa4d2f9331520a1ef5d","epoch":2,"key":"doubtful","kind":"doubt","prev":"e5d9af297dc64746a2c7e19405e534b063b2dc16045e20c12f5deddb1ef50e44","reason":"ConnectionError: the line went dead","run":"Vault/doubtful","seq":5,"worker":"vm:18673:6e124a"}','8e9b9589f6293b9eed1f20a85434ddaf5666297f214927a3d71c2a3fad0f170e');
INSERT INTO journal VALUES(63,11,1,1796019661332276,'started','{"at":"2026-11-30T06:21:01.332276Z","contract":"e3914feb7f047b6c75c340c8423c81fc8b1ce24a83f9c0e5fc1432630c1df53e","data":{},"epoch":0,"id":"1","input":{"buyer":"bob","id":"fresh","way":"Card"},"kind":"started","name":"Shop","prev":"","run":"Shop/fresh","seq":1,"to":"Asking","version":3,"worker":"vm:18673:4d4a51"}','4aee39a00df1957b52c2505080928919f0208c446b7a409502eda296a2ea34a4');
-- Triggers and indices on  journal
CREATE TRIGGER journal_is_never_changed BEFORE UPDATE ON journal
BEGIN
    SELECT RAISE(ABORT, 'the journal is append-only');
END;
CREATE TRIGGER journal_is_never_cut BEFORE DELETE ON journal
BEGIN
    SELECT RAISE(ABORT, 'the journal is append-only');
END;
CREATE UNIQUE INDEX journal_of_run ON journal (run, seq);

-- Table  pruned
DROP TABLE IF EXISTS pruned;
CREATE TABLE pruned (
    id         INTEGER PRIMARY KEY,
    run        TEXT NOT NULL UNIQUE,
    number     INTEGER NOT NULL,
    contract   INTEGER NOT NULL REFERENCES contracts (id),
    started_at INTEGER NOT NULL,
    input      TEXT NOT NULL,
    state      TEXT NOT NULL,
    outcome    TEXT,
    ended_at   INTEGER NOT NULL,
    pruned_at  INTEGER NOT NULL,
    forget_at  INTEGER NOT NULL,
    archive    TEXT
) STRICT;
INSERT INTO pruned VALUES(1,'Shop/poor',7,1,1796019658907596,'724ed6f6c8705c0f67b090e72bb7c12405d1198127d3d9bee02222ee5bfe54c1','Lost','failure',1796019658939411,1796019661242543,1827555661242543,'/srv/shop/old-runs.jsonl');
INSERT INTO pruned VALUES(2,'Shop/old1',1,1,1796019658853845,'6d32b5ec1085761e160ab02066364d5b7bab78c02bf7c649fe2168a75b876c5d','Done','success',1796019659959676,1796019661252161,1827555661252161,'/srv/shop/old-runs.jsonl');
-- Triggers and indices on  pruned
CREATE INDEX pruned_by_number ON pruned (number);
CREATE INDEX pruned_to_forget ON pruned (forget_at);

-- Table  runs
DROP TABLE IF EXISTS runs;
CREATE TABLE runs (
    id         INTEGER PRIMARY KEY,
    run        TEXT NOT NULL UNIQUE,
    contract   INTEGER NOT NULL REFERENCES contracts (id),
    started_at INTEGER NOT NULL,
    input      TEXT NOT NULL
) STRICT;
INSERT INTO runs VALUES(2,'Shop/old2',1,1796019658859751,'{"buyer":"ann","id":"old2","way":"Card"}');
INSERT INTO runs VALUES(3,'Shop/ended',1,1796019658864116,'{"buyer":"ann","id":"ended","way":"Card"}');
INSERT INTO runs VALUES(4,'Shop/waiting',1,1796019658879975,'{"buyer":"ann","id":"waiting","way":{"days":14,"type":"Invoice"}}');
INSERT INTO runs VALUES(5,'Shop/stalls',1,1796019658883633,'{"buyer":"stalls","id":"stalls","way":"Card"}');
INSERT INTO runs VALUES(6,'Shop/doubtful',1,1796019658893276,'{"buyer":"doubtful","id":"doubtful","way":"Card"}');
INSERT INTO runs VALUES(8,'Vault/locked',2,1796019658916285,'{"id":"locked","pin":{"$sealed":"6dd0146a.jAs3NQJFeTelBGMQzhk3a8ZZ64nJ0xngHKJcnnYXif0tAHqnE5lsok49ukzDU0Uog/1wKw=="}}');
INSERT INTO runs VALUES(9,'Vault/open',2,1796019658931894,'{"id":"open","pin":{"$sealed":"6dd0146a.kWhp6ERxT0vQdE2js6rfHSbZHWBrVhiybyogCXaaYAul4Mgu6GoSIB/FRb661AJv910="}}');
INSERT INTO runs VALUES(10,'Vault/doubtful',2,1796019658939839,'{"id":"doubtful","pin":{"$sealed":"6dd0146a.ruNMTliVckKHdXHsElzqMHNbe9CJQx4rQ3aD6NCQwxBRf3XggLNzJ+RbjGHjCNDOw7PoT4Ki"}}');
INSERT INTO runs VALUES(11,'Shop/fresh',1,1796019661332276,'{"buyer":"bob","id":"fresh","way":"Card"}');
-- Triggers and indices on  runs
CREATE INDEX runs_of_contract ON runs (contract);

-- Table  settled
DROP TABLE IF EXISTS settled;
CREATE TABLE settled (
    run    INTEGER NOT NULL REFERENCES runs (id),
    action TEXT NOT NULL,
    key    TEXT NOT NULL,
    args   TEXT NOT NULL,
    result TEXT NOT NULL,
    PRIMARY KEY (run, action, key)
) STRICT, WITHOUT ROWID;
INSERT INTO settled VALUES(2,'pay','old2','5f274421707d3d32689a33376e3ea4828c0f13b7303931d8f209dc3dd2fded04','"r-ann"');
INSERT INTO settled VALUES(3,'pay','ended','5f274421707d3d32689a33376e3ea4828c0f13b7303931d8f209dc3dd2fded04','"r-ann"');
INSERT INTO settled VALUES(4,'pay','waiting','5f274421707d3d32689a33376e3ea4828c0f13b7303931d8f209dc3dd2fded04','"r-ann"');
INSERT INTO settled VALUES(9,'charge','open','6dd0146a.p0L5K1PSMsZ2iPH+w/kDf0F3IRGNTtsgHG7xsZ7sxmtGZyE7UHvNLBCg635u5K2KHgzRRHay+Eu3Q8S9wEI06jaObYRAkjscNRZT0lfT1Fd2TAwHoCZSZ+rf5sr72Q==','{"number":"n1","token":{"$sealed":"6dd0146a.K4X7RjQgnOl3YOO/RxqBpGJf0YVvRUVzGUMHvKyXyHSN7v1hxUw5cJhB4NkNu23t9Vm8nA=="}}');

-- Table  workers
DROP TABLE IF EXISTS workers;
CREATE TABLE workers (
    worker      TEXT PRIMARY KEY,
    contracts   TEXT NOT NULL,
    alive_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO workers VALUES('vm:18673:6e124a','[]',1796019661113140);

-- Database header
pragma user_version=2;
pragma application_id=1330664004;

COMMIT TRANSACTION;
PRAGMA application_id = 1330664004;
PRAGMA user_version = 2;
