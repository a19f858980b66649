-- A store as the first version of Opord wrote it, at schema 1: a run that ended well, one in doubt, one refused, one that waits.
BEGIN TRANSACTION;

-- Table  contracts
CREATE TABLE contracts (
    id      INTEGER PRIMARY KEY,
    digest  TEXT NOT NULL UNIQUE,
    name    TEXT NOT NULL,
    version INTEGER NOT NULL,
    sources TEXT NOT NULL,
    UNIQUE (name, version)
) STRICT;
INSERT INTO contracts VALUES(1,'f21b04e20268a09013b1e63f0cf09037615e1f22446e4f0c18e8ff4cff78c5fa','Club',1,'[["club.opord", "## Lets somebody into a club, once a member has vouched and the fee is paid.\ncontract Club(name: str, fee: int) key name version 1\n\nfailure BankError { Declined(reason: str), Busy transient }\nrole member\nevent vouch(word: str) by member key word\n\neffect greet(name: str) -> str\naction collect(name: str, fee: int) -> str fails BankError { key name for 24h, retry 2 times, in doubt ask within 48h }\n\ninitial state Asking -> Waiting {\n  let greeting = perform greet(name)\n  goto Waiting(greeting)\n}\nstate Waiting(greeting: str) -> Paying | Away {\n  on vouch(word) -> goto Paying(word)\n  after 30d -> goto Away(\"nobody vouched\")\n}\nstate Paying(word: str) -> In | Away {\n  match commit collect(name, fee) {\n    ok receipt -> goto In(receipt)\n    Declined(reason) -> goto Away(reason)\n    Busy -> goto Away(\"busy\")\n    InDoubt -> goto In(\"unknown\")\n  }\n}\nfinal state In(receipt: str) success\nfinal state Away(reason: str) failure\n\nensure collect at most once\n"]]');

-- Table  event_keys
CREATE TABLE event_keys (
    run     INTEGER NOT NULL REFERENCES runs (id),
    event   TEXT NOT NULL,
    key     TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (run, event, key)
) STRICT, WITHOUT ROWID;
INSERT INTO event_keys VALUES(1,'vouch','yes ann','8e1d605fd798fd0fc544581423cec25f8e309118b3468f37aea2c9273717ad5a');
INSERT INTO event_keys VALUES(2,'vouch','yes bob','7d4e0faac0793a6fcd7f946eec77258905a3deb81d8c0ce132a1792787b001b2');
INSERT INTO event_keys VALUES(3,'vouch','yes cid','72ac762c3af7975384bac47b734522aadc7c0612f76e7022f1f3640982be9bf3');

-- Table  heads
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
INSERT INTO heads VALUES(1,1,2,7,'a21a9657209fe7a9f324865cd3d932cc758adb5411456dd2ac3658dc171cb8b0',0,'In','ended','success',1795618410239326,NULL,NULL,NULL,'{"data":{"receipt":"r1"},"entered":4,"how":"commit collect","phase_since":1795618410239326,"settled":["collect"]}');
INSERT INTO heads VALUES(2,1,2,6,'8516155e209aff20d409464b56efa065e32a983e6a4048001f26ef342371c913',0,'Paying','in_doubt',NULL,1795618410230500,1795791210255122,NULL,'nobody knows whether collect happened (ConnectionError: no answer); a person has to say','{"data":{"word":"yes bob"},"entered":3,"how":"event vouch from eve","pending":{"intent":{"args":{"fee":10,"name":"bob"},"asking":true,"call":"collect","doubts":[1],"first_at":1795618410251740,"given_up_at":1795618410255122,"in_flight":false,"key":"bob","next_at":1795618410787363,"reason":"ConnectionError: no answer","seq":5},"now":1795618410251740},"phase_since":1795618410230500}');
INSERT INTO heads VALUES(3,1,2,7,'946f67da5857dfbada5bac1825f9fa28082169d54a125117f0b89a05a6dba3e2',0,'Away','ended','failure',1795618410273757,NULL,NULL,NULL,'{"data":{"reason":"no funds"},"entered":4,"how":"commit collect","phase_since":1795618410273757}');
INSERT INTO heads VALUES(4,1,1,2,'d4290875e64f2fe9004f501c9d59f906da81545b4d0500a9ce92c68adfd3dc73',0,'Waiting','waiting',NULL,1795618410163160,1798210410163160,NULL,NULL,'{"data":{"greeting":"hello dan"},"entered":2,"phase_since":1795618410163160,"timers":{"Waiting after":1798210410163160}}');
-- Triggers and indices on  heads
CREATE INDEX heads_by_outcome ON heads (outcome) WHERE outcome IS NOT NULL;
CREATE INDEX heads_by_state ON heads (state) WHERE status <> 'running';
CREATE INDEX heads_by_status ON heads (status) WHERE status <> 'running';
CREATE INDEX heads_due ON heads (contract, wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX heads_running ON heads (run) WHERE status = 'running';

-- Table  inbox
CREATE TABLE inbox (
    id      INTEGER PRIMARY KEY,
    run     INTEGER NOT NULL REFERENCES runs (id),
    message TEXT NOT NULL,
    arrived INTEGER NOT NULL,
    kind    TEXT NOT NULL,
    body    TEXT,
    UNIQUE (run, message)
) STRICT;
-- Triggers and indices on  inbox
CREATE INDEX inbox_waiting ON inbox (run) WHERE body IS NOT NULL;

-- Table  journal
CREATE TABLE journal (
    id   INTEGER PRIMARY KEY,
    run  INTEGER NOT NULL,
    seq  INTEGER NOT NULL,
    at   INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
INSERT INTO journal VALUES(1,1,1,1795618410119185,'started','{"at":"2026-11-25T14:53:30.119185Z","contract":"f21b04e20268a09013b1e63f0cf09037615e1f22446e4f0c18e8ff4cff78c5fa","data":{},"epoch":1,"input":{"fee":10,"name":"ann"},"kind":"started","name":"Club","prev":"","run":"Club/ann","seq":1,"to":"Asking","version":1,"worker":"vm:679:481a6a"}','60c0073f05a65771f8dc44d7913b1129ac1085c8daa4f03f6e017897a022f985');
INSERT INTO journal VALUES(2,2,1,1795618410127112,'started','{"at":"2026-11-25T14:53:30.127112Z","contract":"f21b04e20268a09013b1e63f0cf09037615e1f22446e4f0c18e8ff4cff78c5fa","data":{},"epoch":1,"input":{"fee":10,"name":"bob"},"kind":"started","name":"Club","prev":"","run":"Club/bob","seq":1,"to":"Asking","version":1,"worker":"vm:679:481a6a"}','b1b4efec5aa09bd213cd5e73b7d014df4459a26e8ee76014aafc1dcfa5fc2ae3');
INSERT INTO journal VALUES(3,1,2,1795618410139125,'transition','{"at":"2026-11-25T14:53:30.139125Z","calls":[{"call":"greet","ok":"hello ann"}],"cause":"body","contract":"f21b04e20268a09013b1e63f0cf09037615e1f22446e4f0c18e8ff4cff78c5fa","data":{"greeting":"hello ann"},"epoch":1,"from":"Asking","kind":"transition","prev":"60c0073f05a65771f8dc44d7913b1129ac1085c8daa4f03f6e017897a022f985","run":"Club/ann","seq":2,"timers":{"Waiting after":"2026-12-25T14:53:30.139125Z"},"to":"Waiting","worker":"vm:679:481a6a"}','0ec48b34d8d404601356353ed3d43e52ad953a85a81529e20e47cea2bddcd844');
INSERT INTO journal VALUES(4,3,1,1795618410139299,'started','{"at":"2026-11-25T14:53:30.139299Z","contract":"f21b04e20268a09013b1e63f0cf09037615e1f22446e4f0c18e8ff4cff78c5fa","data":{},"epoch":1,"input":{"fee":10,"name":"cid"},"kind":"started","name":"Club","prev":"","run":"Club/cid","seq":1,"to":"Asking","version":1,"worker":"vm:679:481a6a"}','7886c04c394692878df310777d44efa172d92e5cfac444ba7306dd9e9f8604d3');
INSERT INTO journal VALUES(5,2,2,1795618410143110,'transition','{"at":"2026-11-25T14:53:30.143110Z","calls":[{"call":"greet","ok":"hello bob"}],"cause":"body","contract":"f21b04e20268a09013b1e63f0cf09037615e1f22446e4f0c18e8ff4cff78c5fa","data":{"greeting":"hello bob"},"epoch":1,"from":"Asking","kind":"transition","prev":"b1b4efec5aa09bd213cd5e73b7d014df4459a26e8ee76014aafc1dcfa5fc2ae3","run":"Club/bob","seq":2,"timers":{"Waiting after":"2026-12-25T14:53:30.143110Z"},"to":"Waiting","worker":"vm:679:481a6a"}','e0eba9f34d719bdbb2651f3f55a7eb53b96bfb7ca9b2f4664770b9bb0d5a5e83');
INSERT INTO journal VALUES(6,4,1,1795618410143269,'started','{"at":"2026-11-25T14:53:30.143269Z","contract":"f21b04e20268a09013b1e63f0cf09037615e1f22446e4f0c18e8ff4cff78c5fa","data":{},"epoch":1,"input":{"fee":10,"name":"dan"},"kind":"started","name":"Club","prev":"","run":"Club/dan","seq":1,"to":"Asking","version":1,"worker":"vm:679:481a6a"}','ea333911e68d7da373e1844aaedb872ae997961a76ec323af7c3e4c3ca4f092d');
INSERT INTO journal VALUES(7,3,2,1795618410155293,'transition','{"at":"2026-11-25T14:53:30.155293Z","calls":[{"call":"greet","ok":"hello cid"}],"cause":"body","contract":"f21b04e20268a09013b1e63f0cf09037615e1f22446e4f0c18e8ff4cff78c5fa","data":{"greeting":"hello cid"},"epoch":1,"from":"Asking","kind":"transition","prev":"7886c04c394692878df310777d44efa172d92e5cfac444ba7306dd9e9f8604d3","run":"Club/cid","seq":2,"timers":{"Waiting after":"2026-12-25T14:53:30.155293Z"},"to":"Waiting","worker":"vm:679:481a6a"}','14612e20cd9fcb615069d56c872ae3fc9125c22e614e95673735f23f80f6d812');
INSERT INTO journal VALUES(8,4,2,1795618410163160,'transition','{"at":"2026-11-25T14:53:30.163160Z","calls":[{"call":"greet","ok":"hello dan"}],"cause":"body","contract":"f21b04e20268a09013b1e63f0cf09037615e1f22446e4f0c18e8ff4cff78c5fa","data":{"greeting":"hello dan"},"epoch":1,"from":"Asking","kind":"transition","prev":"ea333911e68d7da373e1844aaedb872ae997961a76ec323af7c3e4c3ca4f092d","run":"Club/dan","seq":2,"timers":{"Waiting after":"2026-12-25T14:53:30.163160Z"},"to":"Waiting","worker":"vm:679:481a6a"}','d4290875e64f2fe9004f501c9d59f906da81545b4d0500a9ce92c68adfd3dc73');
INSERT INTO journal VALUES(9,1,3,1795618410212494,'event','{"actor":"eve","args":{"word":"yes ann"},"at":"2026-11-25T14:53:30.212494Z","contract":"f21b04e20268a09013b1e63f0cf09037615e1f22446e4f0c18e8ff4cff78c5fa","epoch":1,"event":"vouch","id":"01a21332-8ee1-76ce-a0bd-701a2d38706c","key":"yes ann","kind":"event","prev":"0ec48b34d8d404601356353ed3d43e52ad953a85a81529e20e47cea2bddcd844","role":"member","run":"Club/ann","seq":3,"worker":"vm:679:481a6a"}','afc2b9db9cc0343e3fc5f2af154fb2bee85187a745c257e8f7edabce6c78b467');
INSERT INTO journal VALUES(10,1,4,1795618410212494,'transition','{"at":"2026-11-25T14:53:30.212494Z","cause":"event vouch","contract":"f21b04e20268a09013b1e63f0cf09037615e1f22446e4f0c18e8ff4cff78c5fa","data":{"word":"yes ann"},"epoch":1,"from":"Waiting","kind":"transition","prev":"afc2b9db9cc0343e3fc5f2af154fb2bee85187a745c257e8f7edabce6c78b467","run":"Club/ann","seq":4,"to":"Paying","worker":"vm:679:481a6a"}','1df04e3473360838238d0661498c328921d033bbb6a60c84cf0a286c11bf5070');
INSERT INTO journal VALUES(11,2,3,1795618410230500,'event','{"actor":"eve","args":{"word":"yes bob"},"at":"2026-11-25T14:53:30.230500Z","contract":"f21b04e20268a09013b1e63f0cf09037615e1f22446e4f0c18e8ff4cff78c5fa","epoch":1,"event":"vouch","id":"01a21332-8ef3-7740-b5fc-f47e8f1ae5b6","key":"yes bob","kind":"event","prev":"e0eba9f34d719bdbb2651f3f55a7eb53b96bfb7ca9b2f4664770b9bb0d5a5e83","role":"member","run":"Club/bob","seq":3,"worker":"vm:679:481a6a"}','f41f887a1b6c166b13d5d5725d803778db057658c336bc490f6324844bef51a9');
INSERT INTO journal VALUES(12,2,4,1795618410230500,'transition','{"at":"2026-11-25T14:53:30.230500Z","cause":"event vouch","contract":"f21b04e20268a09013b1e63f0cf09037615e1f22446e4f0c18e8ff4cff78c5fa","data":{"word":"yes bob"},"epoch":1,"from":"Waiting","kind":"transition","prev":"f41f887a1b6c166b13d5d5725d803778db057658c336bc490f6324844bef51a9","run":"Club/bob","seq":4,"to":"Paying","worker":"vm:679:481a6a"}','af01e1fa32e20d9919a0a3b055ae93726de85591e2636aa561b1c15a778f31ec');
INSERT INTO journal VALUES(13,1,5,1795618410232017,'intent','{"args":{"fee":10,"name":"ann"},"at":"2026-11-25T14:53:30.232017Z","call":"collect","contract":"f21b04e20268a09013b1e63f0cf09037615e1f22446e4f0c18e8ff4cff78c5fa","epoch":2,"key":"ann","kind":"intent","now":"2026-11-25T14:53:30.232017Z","prev":"1df04e3473360838238d0661498c328921d033bbb6a60c84cf0a286c11bf5070","run":"Club/ann","seq":5,"worker":"vm:679:481a6a"}','58528d908e021ceac617b4845650b8b2ea35efcc26bc75efb48294f0bbcd0ec5');
INSERT INTO journal VALUES(14,1,6,1795618410239326,'outcome','{"at":"2026-11-25T14:53:30.239326Z","attempt":1,"by":"call","call":"collect","contract":"f21b04e20268a09013b1e63f0cf09037615e1f22446e4f0c18e8ff4cff78c5fa","epoch":2,"key":"ann","kind":"outcome","outcome":{"ok":"r1"},"prev":"58528d908e021ceac617b4845650b8b2ea35efcc26bc75efb48294f0bbcd0ec5","run":"Club/ann","seq":6,"worker":"vm:679:481a6a"}','e98e5e63973ecc07974de06f33d81d651e7e3d206e74df51a804f61c29053ea7');
INSERT INTO journal VALUES(15,1,7,1795618410239326,'transition','{"at":"2026-11-25T14:53:30.239326Z","cause":"commit collect","contract":"f21b04e20268a09013b1e63f0cf09037615e1f22446e4f0c18e8ff4cff78c5fa","data":{"receipt":"r1"},"epoch":2,"from":"Paying","kind":"transition","prev":"e98e5e63973ecc07974de06f33d81d651e7e3d206e74df51a804f61c29053ea7","result":"success","run":"Club/ann","seq":7,"to":"In","worker":"vm:679:481a6a"}','a21a9657209fe7a9f324865cd3d932cc758adb5411456dd2ac3658dc171cb8b0');
INSERT INTO journal VALUES(16,2,5,1795618410251740,'intent','{"args":{"fee":10,"name":"bob"},"at":"2026-11-25T14:53:30.251740Z","call":"collect","contract":"f21b04e20268a09013b1e63f0cf09037615e1f22446e4f0c18e8ff4cff78c5fa","epoch":2,"key":"bob","kind":"intent","now":"2026-11-25T14:53:30.251740Z","prev":"af01e1fa32e20d9919a0a3b055ae93726de85591e2636aa561b1c15a778f31ec","run":"Club/bob","seq":5,"worker":"vm:679:481a6a"}','b2f216138269d3eae455c5c6a6d9aaeed603e35c31e68b88c99e90570a30aa35');
INSERT INTO journal VALUES(17,3,3,1795618410252457,'event','{"actor":"eve","args":{"word":"yes cid"},"at":"2026-11-25T14:53:30.252457Z","contract":"f21b04e20268a09013b1e63f0cf09037615e1f22446e4f0c18e8ff4cff78c5fa","epoch":1,"event":"vouch","id":"01a21332-8ef8-7331-8990-c04a2ce70ce6","key":"yes cid","kind":"event","prev":"14612e20cd9fcb615069d56c872ae3fc9125c22e614e95673735f23f80f6d812","role":"member","run":"Club/cid","seq":3,"worker":"vm:679:481a6a"}','bb75b98c00ad99671db39a4a519dd9d6fb3338170c389e42a4e2639b190c0854');
INSERT INTO journal VALUES(18,3,4,1795618410252457,'transition','{"at":"2026-11-25T14:53:30.252457Z","cause":"event vouch","contract":"f21b04e20268a09013b1e63f0cf09037615e1f22446e4f0c18e8ff4cff78c5fa","data":{"word":"yes cid"},"epoch":1,"from":"Waiting","kind":"transition","prev":"bb75b98c00ad99671db39a4a519dd9d6fb3338170c389e42a4e2639b190c0854","run":"Club/cid","seq":4,"to":"Paying","worker":"vm:679:481a6a"}','a5fff74c9d8c338aeaa526c279d3786ea68dfa4014dad3d301aa719c87ab90a8');
INSERT INTO journal VALUES(19,2,6,1795618410255122,'doubt','{"at":"2026-11-25T14:53:30.255122Z","attempt":1,"call":"collect","contract":"f21b04e20268a09013b1e63f0cf09037615e1f22446e4f0c18e8ff4cff78c5fa","epoch":2,"key":"bob","kind":"doubt","prev":"b2f216138269d3eae455c5c6a6d9aaeed603e35c31e68b88c99e90570a30aa35","reason":"ConnectionError: no answer","run":"Club/bob","seq":6,"worker":"vm:679:481a6a"}','8516155e209aff20d409464b56efa065e32a983e6a4048001f26ef342371c913');
INSERT INTO journal VALUES(20,3,5,1795618410271361,'intent','{"args":{"fee":10,"name":"cid"},"at":"2026-11-25T14:53:30.271361Z","call":"collect","contract":"f21b04e20268a09013b1e63f0cf09037615e1f22446e4f0c18e8ff4cff78c5fa","epoch":2,"key":"cid","kind":"intent","now":"2026-11-25T14:53:30.271361Z","prev":"a5fff74c9d8c338aeaa526c279d3786ea68dfa4014dad3d301aa719c87ab90a8","run":"Club/cid","seq":5,"worker":"vm:679:481a6a"}','1adbaec3110a2b52070864f95e5dde5a2b8ca9b7efb0c2ee31c65c5ba3ddbdbf');
INSERT INTO journal VALUES(21,3,6,1795618410273757,'outcome','{"at":"2026-11-25T14:53:30.273757Z","attempt":1,"by":"call","call":"collect","contract":"f21b04e20268a09013b1e63f0cf09037615e1f22446e4f0c18e8ff4cff78c5fa","epoch":2,"key":"cid","kind":"outcome","outcome":{"failed":{"reason":"no funds","type":"BankError.Declined"}},"prev":"1adbaec3110a2b52070864f95e5dde5a2b8ca9b7efb0c2ee31c65c5ba3ddbdbf","run":"Club/cid","seq":6,"worker":"vm:679:481a6a"}','68882cc91508128605cdb6615d179594006ef982b8601bc169dc983b73cc3af2');
INSERT INTO journal VALUES(22,3,7,1795618410273757,'transition','{"at":"2026-11-25T14:53:30.273757Z","cause":"commit collect","contract":"f21b04e20268a09013b1e63f0cf09037615e1f22446e4f0c18e8ff4cff78c5fa","data":{"reason":"no funds"},"epoch":2,"from":"Paying","kind":"transition","prev":"68882cc91508128605cdb6615d179594006ef982b8601bc169dc983b73cc3af2","result":"failure","run":"Club/cid","seq":7,"to":"Away","worker":"vm:679:481a6a"}','946f67da5857dfbada5bac1825f9fa28082169d54a125117f0b89a05a6dba3e2');
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

-- Table  runs
CREATE TABLE runs (
    id         INTEGER PRIMARY KEY,
    run        TEXT NOT NULL UNIQUE,
    contract   INTEGER NOT NULL REFERENCES contracts (id),
    started_at INTEGER NOT NULL,
    input      TEXT NOT NULL
) STRICT;
INSERT INTO runs VALUES(1,'Club/ann',1,1795618410119185,'{"fee":10,"name":"ann"}');
INSERT INTO runs VALUES(2,'Club/bob',1,1795618410127112,'{"fee":10,"name":"bob"}');
INSERT INTO runs VALUES(3,'Club/cid',1,1795618410139299,'{"fee":10,"name":"cid"}');
INSERT INTO runs VALUES(4,'Club/dan',1,1795618410143269,'{"fee":10,"name":"dan"}');
-- Triggers and indices on  runs
CREATE INDEX runs_of_contract ON runs (contract);

-- Table  settled
CREATE TABLE settled (
    run    INTEGER NOT NULL REFERENCES runs (id),
    action TEXT NOT NULL,
    key    TEXT NOT NULL,
    args   TEXT NOT NULL,
    result TEXT NOT NULL,
    PRIMARY KEY (run, action, key)
) STRICT, WITHOUT ROWID;
INSERT INTO settled VALUES(1,'collect','ann','113e88b945c30749a6e8737c400c611d7b8f8b89eef91943126270676f4ab011','"r1"');

-- Table  workers
CREATE TABLE workers (
    worker      TEXT PRIMARY KEY,
    contracts   TEXT NOT NULL,
    alive_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO workers VALUES('vm:679:481a6a','[]',1795618410286322);

-- Database header
pragma user_version=1;
pragma application_id=1330664004;

COMMIT TRANSACTION;
