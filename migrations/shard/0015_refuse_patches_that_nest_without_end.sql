-- A JSON Patch of fifteen copies of a document into itself nests it 32,000 deep, within all limits of size. Looking at that
-- ends with "stack depth limit exceeded" before its depth is counted, which failed the whole statement with all that had
-- gathered in it. It is an invalid patch like any other that nests too deep.

create or replace function sharding.changed_document(p_operation text, p_current jsonb, p_doc jsonb) returns jsonb
language plpgsql immutable parallel safe as $$
declare
    -- Compact JSON of 1 MiB, the limit for what is sent, can take this much in Postgres' spelling with its blanks.
    max_bytes constant integer := 2097152;
    result jsonb;
begin
    if p_operation = 'increment' then
        result := sharding.increment(p_current, array(select jsonb_array_elements_text(p_doc -> 'path')), (p_doc ->> 'by')::numeric);
    elsif p_operation = 'merge_patch' then
        result := sharding.merge_patch(p_current, p_doc);
    else
        result := sharding.json_patch(p_current, p_doc);
    end if;
    if jsonb_typeof(result) <> 'object' then
        raise exception using errcode = 'SH022', message = 'the patched document would not be an object';
    elsif octet_length(result::text) > max_bytes then
        raise exception using errcode = 'SH022', message = 'the patched document would be too large';
    elsif p_operation <> 'merge_patch' and sharding.json_depth(result) > 64 then
        raise exception using errcode = 'SH022', message = 'the patched document would be nested deeper than 64';
    end if;
    return result;
exception when statement_too_complex then
    raise exception using errcode = 'SH022', message = 'the patched document would be nested deeper than 64';
end
$$;
