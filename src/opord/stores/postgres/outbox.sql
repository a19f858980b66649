-- What the outbox needs of this store. The triggers that write the messages are in the schema; `opord.tell` makes and removes them.

-- name: begin_telling
SELECT opord.tell(true)

-- name: end_telling
SELECT opord.tell(false)
