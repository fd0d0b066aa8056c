-- The shard computes changes to a document under the item's row lock: one round trip, and no lost update.

-- A merge patch (RFC 7396) with its result as text. With jsonb, each level would build the fields that it does not change once more: a
-- field at depth 60 sixty times.
create function sharding.merged_text(target jsonb, patch jsonb) returns text
language plpgsql immutable parallel safe as $$
begin
    if jsonb_typeof(patch) <> 'object' then
        return patch::text;
    end if;
    if jsonb_typeof(target) is distinct from 'object' then
        target := '{}';
    end if;
    return (
        select '{' || coalesce(string_agg(to_json(field.key)::text || ':' || field.value, ','), '') || '}'
        from (
            select kept.key, kept.value::text as value from jsonb_each(target) kept where not patch ? kept.key
            union all
            select new.key, case when jsonb_typeof(new.value) = 'object' then sharding.merged_text(target -> new.key, new.value)
                            else new.value::text end
            from jsonb_each(patch) new where jsonb_typeof(new.value) <> 'null'
        ) field);
end
$$;

create function sharding.merge_patch(target jsonb, patch jsonb) returns jsonb
language sql immutable parallel safe as $$
    select case
        -- Most patches only set fields: that is a concatenation.
        when jsonb_typeof(target) = 'object' and jsonb_typeof(patch) = 'object'
             and not jsonb_path_exists(patch, 'strict $.* ? (@.type() == "object" || @ == null)') then target || patch
        -- A value that is stored compressed would be unpacked again for each field. The concatenation with '{}' unpacks it once.
        else sharding.merged_text(case when jsonb_typeof(target) = 'object' then target || '{}' end, patch)::jsonb
    end
$$;

-- Splits a JSON Pointer (RFC 6901): '/a~1b/0' → {a/b,0}.
create function sharding.pointer_tokens(pointer text) returns text[]
language plpgsql immutable parallel safe as $$
declare
    max_tokens constant integer := 128; -- a document nests at most 64 deep
    tokens text[] := (string_to_array(pointer, '/'))[2:];
begin
    if pointer = '' then
        return '{}';
    elsif left(pointer, 1) <> '/' or pointer ~ '~([^01]|$)' then
        raise exception using errcode = 'SH022', message = format('%s is not a JSON pointer', sharding.quoted(pointer));
    elsif cardinality(tokens) > max_tokens then
        raise exception using errcode = 'SH022', message = format('a path has at most %s steps', max_tokens);
    elsif strpos(pointer, '~') > 0 then
        tokens := array(select replace(replace(t.token, '~1', '/'), '~0', '~')
                        from unnest(tokens) with ordinality as t (token, place) order by t.place);
    end if;
    return tokens;
end
$$;

-- Quotes and shortens a client's text for an error message, which goes to that client.
create function sharding.quoted(value text) returns text
language sql immutable parallel safe as $$
    select to_json(case when length(value) > 60 then left(value, 60) || '…' else value end)::text
$$;

-- Returns the child that a pointer's token names; NULL if there is none.
create function sharding.pointer_child(node jsonb, token text) returns jsonb
language sql immutable parallel safe as $$
    select case jsonb_typeof(node)
        when 'object' then node -> token
        when 'array' then case when token ~ '^(0|[1-9][0-9]{0,8})$' then node -> token::integer end
    end
$$;

create function sharding.pointer_get(node jsonb, tokens text[]) returns jsonb
language plpgsql immutable parallel safe as $$
declare
    token text;
begin
    foreach token in array tokens loop
        node := sharding.pointer_child(node, token);
        exit when node is null;
    end loop;
    return node;
end
$$;

-- Carries out one action (add, replace or remove) at a path. Raises SH022 if the path does not fit the action. This function checks the
-- tokens itself, because Postgres' own functions would accept '-1' and '01' as places in an array. Those functions then rebuild the
-- document once.
create function sharding.pointer_edit(doc jsonb, tokens text[], action text, value jsonb) returns jsonb
language plpgsql immutable parallel safe as $$
declare
    steps  constant integer := cardinality(tokens);
    token  constant text := tokens[steps];
    node   jsonb := doc;
    length integer;
begin
    if steps = 0 then
        if action = 'remove' then
            raise exception using errcode = 'SH022', message = 'the whole document cannot be removed by a patch';
        end if;
        return value;
    end if;
    for step in 1 .. steps - 1 loop
        node := sharding.pointer_child(node, tokens[step]);
        if node is null then
            raise exception using errcode = 'SH022', message = format('nothing stands at %s', sharding.quoted(tokens[step]));
        end if;
    end loop;
    if action <> 'add' and sharding.pointer_child(node, token) is null then
        raise exception using errcode = 'SH022', message = format('nothing stands at %s', sharding.quoted(token));
    elsif action = 'remove' then
        return doc #- tokens;
    elsif action = 'replace' or jsonb_typeof(node) = 'object' then
        return jsonb_set(doc, tokens, value);
    elsif jsonb_typeof(node) <> 'array' then
        raise exception using errcode = 'SH022',
            message = format('%s leads into a value that is neither object nor array', sharding.quoted(token));
    end if;
    length := jsonb_array_length(node);
    if token = '-' or token = length::text then
        return jsonb_set(doc, tokens[:steps - 1] || length::text, value);
    elsif sharding.pointer_child(node, token) is null then
        raise exception using errcode = 'SH022', message = format('%s is no place in an array of %s', sharding.quoted(token), length);
    end if;
    return jsonb_insert(doc, tokens, value);
end
$$;

-- Applies a JSON Patch (RFC 6902). Raises SH022 if an operation cannot be applied or a test fails; the message says which operation and
-- why. The size is checked after each operation, because thirty copies of the document into itself would fill the memory. Each operation
-- goes through the whole document, so a client could keep the shard busy for long with a small patch. max_work therefore limits the bytes
-- that all operations together go through.
create function sharding.json_patch(doc jsonb, patch jsonb) returns jsonb
language plpgsql immutable parallel safe as $$
declare
    max_bytes constant integer := 4194304;
    max_work  constant integer := 16777216; -- bytes; openapi.json names this limit
    work      bigint := 0;
    step      jsonb;
    number    integer := -1;
    path      text[];
    source    text[];
    value     jsonb;
begin
    doc := doc || '{}'; -- unpacks a compressed document once, and not in each operation
    for step in select * from jsonb_array_elements(patch) loop
        number := number + 1;
        work := work + pg_column_size(doc);
        if work > max_work and number > 0 then
            raise exception using errcode = 'SH022', message = format(
                'the patch is too much work: its operations times the size of the document may be %s bytes, and the document has %s',
                max_work, pg_column_size(doc));
        end if;
        path := sharding.pointer_tokens(step ->> 'path');
        value := step -> 'value';
        if step ->> 'op' in ('move', 'copy') then
            source := sharding.pointer_tokens(step ->> 'from');
            value := sharding.pointer_get(doc, source);
            if value is null then
                raise exception using errcode = 'SH022', message = format('nothing stands at %s', sharding.quoted(step ->> 'from'));
            elsif step ->> 'op' = 'move' and cardinality(source) < cardinality(path) and path[:cardinality(source)] = source then
                raise exception using errcode = 'SH022', message = 'a value cannot be moved into itself';
            elsif step ->> 'op' = 'move' and path <> source then
                doc := sharding.pointer_edit(doc, source, 'remove', null);
            end if;
            if step ->> 'op' = 'copy' or path <> source then
                doc := sharding.pointer_edit(doc, path, 'add', value);
            end if;
        elsif step ->> 'op' = 'test' then
            if sharding.pointer_get(doc, path) is distinct from value then
                raise exception using errcode = 'SH022', message = format('the test at %s failed', sharding.quoted(step ->> 'path'));
            end if;
        else
            doc := sharding.pointer_edit(doc, path, step ->> 'op', value);
        end if;
        if pg_column_size(doc) > max_bytes then
            raise exception using errcode = 'SH022', message = 'the document became too large';
        end if;
    end loop;
    return doc;
exception when sqlstate 'SH022' then
    raise exception using errcode = 'SH022', message = format('operation %s: %s', greatest(number, 0), sqlerrm);
end
$$;

-- Adds a number to the one at the path. A missing number counts as 0, and missing objects on the way are created. Raises SH023 if the sum
-- is below p_min or above p_max, whatever the number was before; NULL: there is no such limit.
create function sharding.increment(doc jsonb, path text[], delta numeric, p_min numeric, p_max numeric) returns jsonb
language plpgsql immutable parallel safe as $$
declare
    node    jsonb := doc;
    missing integer := cardinality(path) + 1; -- the first step of the path that does not exist yet
    total   numeric;
    value   jsonb;
begin
    for step in 1 .. cardinality(path) loop
        if jsonb_typeof(node) <> 'object' then
            raise exception using errcode = 'SH022',
                message = format('%s stands in something that is not an object', sharding.quoted(path[step]));
        end if;
        node := node -> path[step];
        if node is null then
            missing := step;
            exit;
        end if;
    end loop;
    if node is not null and jsonb_typeof(node) <> 'number' then
        raise exception using errcode = 'SH022', message = format('%s is not a number', sharding.quoted(path[cardinality(path)]));
    end if;
    total := coalesce(node::text::numeric, 0) + delta;
    if total < p_min then
        raise exception using errcode = 'SH023', message = format('%s would be below its min', sharding.quoted(path[cardinality(path)]));
    elsif total > p_max then
        raise exception using errcode = 'SH023', message = format('%s would be above its max', sharding.quoted(path[cardinality(path)]));
    elsif length(translate(total::text, '-.', '')) > 400 then
        raise exception using errcode = 'SH022', message = 'the sum has more than 400 digits';
    end if;
    value := to_jsonb(total);
    for step in reverse cardinality(path) .. missing + 1 loop
        value := jsonb_build_object(path[step], value);
    end loop;
    return jsonb_set(doc, path[:missing], value);
end
$$;

-- Applies [{"path":[…],"by":n,"min":n,"max":n}, …] in order: all of them, or none. Each step goes through the whole document, so max_work
-- limits the bytes that all steps together go through, as in json_patch. Raises SH023 if a result is out of its range, and SH022 if a step
-- cannot be applied; of several steps the message says which one.
create function sharding.increments(doc jsonb, steps jsonb) returns jsonb
language plpgsql immutable parallel safe as $$
declare
    max_work constant integer := 16777216; -- bytes; openapi.json names this limit
    work     bigint := 0;
    step     jsonb;
    number   integer := -1;
begin
    if jsonb_array_length(steps) = 1 then
        step := steps -> 0;
        return sharding.increment(
            doc, array(select jsonb_array_elements_text(step -> 'path')),
            (step -> 'by')::numeric, (step -> 'min')::numeric, (step -> 'max')::numeric);
    end if;
    doc := doc || '{}'; -- unpacks a compressed document once, and not in each step
    for step in select * from jsonb_array_elements(steps) loop
        number := number + 1;
        work := work + pg_column_size(doc);
        if work > max_work and number > 0 then
            raise exception using errcode = 'SH022', message = format(
                'that is too much work: the paths times the size of the document may be %s bytes, and the document has %s',
                max_work, pg_column_size(doc));
        end if;
        doc := sharding.increment(
            doc, array(select jsonb_array_elements_text(step -> 'path')),
            (step -> 'by')::numeric, (step -> 'min')::numeric, (step -> 'max')::numeric);
    end loop;
    return doc;
exception when sqlstate 'SH022' or sqlstate 'SH023' then
    if number < 0 then
        raise;
    end if;
    raise exception using errcode = sqlstate, message = format('increment %s: %s', number, sqlerrm);
end
$$;

-- Returns the new document of an operation that changes an existing one. Raises SH022 if the operation cannot be applied, and SH023 if it is
-- an increment whose result is out of its range. A JSON Patch of fifteen copies of a document into itself nests it 32,000 deep within all
-- limits of size. Postgres raises "stack depth limit exceeded" when such a document is looked at. The function reports that as an invalid
-- patch, as for any other patch that nests too deep.
create function sharding.changed_document(p_operation text, p_current jsonb, p_doc jsonb) returns jsonb
language plpgsql immutable parallel safe as $$
declare
    max_bytes constant integer := 2097152; -- the same as DocumentRules.MaxPrintedBytes (C#), for documents that are put
    bytes     integer;
    result    jsonb;
begin
    if p_operation = 'increment' then
        result := sharding.increments(p_current, p_doc);
    elsif p_operation = 'merge_patch' then
        result := sharding.merge_patch(p_current, p_doc);
    else
        result := sharding.json_patch(p_current, p_doc);
    end if;
    if jsonb_typeof(result) <> 'object' then
        raise exception using errcode = 'SH022', message = 'the patched document would not be an object';
    end if;
    bytes := octet_length(result::text);
    if bytes > max_bytes then
        raise exception using errcode = 'SH022',
            message = format('the patched document would be too large: %s bytes when written out, of at most %s', bytes, max_bytes);
    elsif p_operation <> 'merge_patch'
          and jsonb_path_exists(result, 'strict $.**{64} ? (@.type() == "object" || @.type() == "array")') then
        raise exception using errcode = 'SH022', message = 'the patched document would be nested deeper than 64';
    end if;
    return result;
exception when statement_too_complex then
    raise exception using errcode = 'SH022', message = 'the patched document would be nested deeper than 64';
end
$$;
