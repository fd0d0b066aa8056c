-- Target. As in 0009, and it looks only at the batch's own slots, where it went through those of the whole shard.
create or replace function sharding.import_finish(p_move_id uuid) returns void
language plpgsql volatile set enable_seqscan = off as $$
declare
    slots_ smallint[];
    ended  integer;
begin
    perform sharding.require_read_committed();
    select slots into slots_ from sharding.move_import where move_id = p_move_id;
    delete from sharding.slot_ownership o using unnest(slots_) s where o.slot = s and o.move_id = p_move_id and o.state = 'importing';
    delete from sharding.move_import where move_id = p_move_id returning attempt into ended;
    if ended is not null then
        insert into sharding.move_import_over (move_id, attempt) values (p_move_id, ended)
        on conflict (move_id) do update set attempt = greatest(move_import_over.attempt, excluded.attempt), ended_at = excluded.ended_at;
    end if;
end
$$;
