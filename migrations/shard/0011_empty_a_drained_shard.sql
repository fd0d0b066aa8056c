-- Source. Empties the table at once when this shard has given away every slot that it ever had and all of that is verified:
-- in place of deleting its rows one by one, which writes each into the WAL and leaves them to vacuum. False: there is
-- something to keep, or somebody uses the table just now; then the rows are deleted by move_clean.
--
-- Nothing is lost: with the lock in hand nobody is inside the table, and the later statement sees what was committed before.
-- A writer that has passed the fence but not written yet holds its slot's lock, so that slot is still "owned" then. Rows of an
-- import come after the commit of its import_begin: either that is seen here, or they come after the truncation. A copy or a
-- comparison of what was given away reads only while its batch is not verified. A publication of a move leaves truncations out.
-- Rows of slots that never were here are nobody's, and go too. Longer than deadlock_timeout: then a vacuum gives way.
create function sharding.move_empty() returns boolean
language plpgsql volatile set enable_seqscan = on set lock_timeout = '1500ms' as $$
begin
    perform sharding.require_read_committed();
    if sharding.has_something_to_keep() then
        return false;
    end if;
    if not exists (select from sharding.item) then
        return true;
    end if;
    lock table sharding.item in access exclusive mode;
    if sharding.has_something_to_keep() then
        return false;
    end if;
    truncate sharding.item;
    return true;
exception when lock_not_available then
    return false;
end
$$;

create function sharding.has_something_to_keep() returns boolean
language sql volatile as $$
    select exists (select from sharding.slot_ownership where state <> 'released') or exists (select from sharding.move where phase <> 'verified')
$$;
