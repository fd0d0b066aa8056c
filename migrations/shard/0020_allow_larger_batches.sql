-- Source: a batch may have up to 1,024 slots.
alter table sharding.move drop constraint move_slots_check, add constraint move_slots_check check (cardinality(slots) between 1 and 1024);
