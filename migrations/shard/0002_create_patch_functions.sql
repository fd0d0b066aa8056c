-- Changes to a document that are computed in the shard, under the item's row lock: one round trip, no lost update.

-- RFC 7396.
create function sharding.merge_patch(target jsonb, patch jsonb) returns jsonb
language plpgsql immutable parallel safe as $$
declare
    result jsonb := case when jsonb_typeof(target) = 'object' then target else '{}' end;
    field  record;
begin
    if jsonb_typeof(patch) <> 'object' then
        return patch;
    end if;
    for field in select key, value from jsonb_each(patch) loop
        if jsonb_typeof(field.value) = 'null' then
            result := result - field.key;
        elsif jsonb_typeof(field.value) = 'object' then
            result := result || jsonb_build_object(field.key, sharding.merge_patch(result -> field.key, field.value));
        else
            result := result || jsonb_build_object(field.key, field.value);
        end if;
    end loop;
    return result;
end
$$;

-- How many arrays and objects stand inside one another, the outermost counted.
create function sharding.json_depth(doc jsonb) returns integer
language plpgsql immutable parallel safe as $$
declare
    deepest integer;
begin
    if jsonb_typeof(doc) = 'object' then
        select max(sharding.json_depth(value)) into deepest from jsonb_each(doc) where jsonb_typeof(value) in ('object', 'array');
    elsif jsonb_typeof(doc) = 'array' then
        select max(sharding.json_depth(value)) into deepest from jsonb_array_elements(doc) where jsonb_typeof(value) in ('object', 'array');
    else
        return 0;
    end if;
    return 1 + coalesce(deepest, 0);
end
$$;

-- RFC 6901: '/a~1b/0' → {a/b,0}.
create function sharding.pointer_tokens(pointer text) returns text[]
language plpgsql immutable parallel safe as $$
declare
    tokens text[] := '{}';
    token  text;
begin
    if pointer = '' then
        return tokens;
    elsif left(pointer, 1) <> '/' or pointer ~ '~([^01]|$)' then
        raise exception using errcode = 'SH022', message = format('%s is not a JSON pointer', to_json(pointer));
    end if;
    foreach token in array string_to_array(pointer, '/') loop
        tokens := tokens || replace(replace(token, '~1', '/'), '~0', '~');
    end loop;
    return tokens[2:];
end
$$;

-- The child that a pointer's token names; NULL when there is none.
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
    end loop;
    return node;
end
$$;

-- action: add, replace, remove. Raises SH022 when the path does not lead where the action needs it to.
create function sharding.pointer_edit(node jsonb, tokens text[], action text, value jsonb) returns jsonb
language plpgsql immutable parallel safe as $$
declare
    token text := tokens[1];
    child jsonb;
begin
    if cardinality(tokens) = 0 then
        if action = 'remove' then
            raise exception using errcode = 'SH022', message = 'the whole document cannot be removed by a patch';
        end if;
        return value;
    end if;
    child := sharding.pointer_child(node, token);
    if cardinality(tokens) > 1 then
        if child is null then
            raise exception using errcode = 'SH022', message = format('nothing stands at %s', to_json(token));
        end if;
        child := sharding.pointer_edit(child, tokens[2:], action, value);
        return case jsonb_typeof(node) when 'object' then node || jsonb_build_object(token, child)
                                       else jsonb_set(node, array[token], child) end;
    end if;
    if child is null and action <> 'add' then
        raise exception using errcode = 'SH022', message = format('nothing stands at %s', to_json(token));
    end if;
    if jsonb_typeof(node) = 'object' then
        return case action when 'remove' then node - token else node || jsonb_build_object(token, value) end;
    elsif jsonb_typeof(node) = 'array' then
        if action = 'remove' then
            return node - token::integer;
        elsif action = 'replace' then
            return jsonb_set(node, array[token], value);
        elsif child is not null then
            return jsonb_insert(node, array[token], value);
        elsif token = '-' or token = jsonb_array_length(node)::text then
            return node || jsonb_build_array(value);
        end if;
        raise exception using errcode = 'SH022', message = format('%s is no place in an array of %s', to_json(token), jsonb_array_length(node));
    end if;
    raise exception using errcode = 'SH022', message = format('%s leads into a value that is neither object nor array', to_json(token));
end
$$;

-- RFC 6902. Raises SH022 (message: which operation and why) when an operation cannot be applied or a test fails.
-- The size is checked after each operation, because thirty copies of the document into itself would fill the memory.
create function sharding.json_patch(doc jsonb, patch jsonb) returns jsonb
language plpgsql immutable parallel safe as $$
declare
    max_bytes constant integer := 4194304;
    step      jsonb;
    number    integer := -1;
    path      text[];
    source    text[];
    value     jsonb;
begin
    for step in select * from jsonb_array_elements(patch) loop
        number := number + 1;
        path := sharding.pointer_tokens(step ->> 'path');
        value := step -> 'value';
        if step ->> 'op' in ('move', 'copy') then
            source := sharding.pointer_tokens(step ->> 'from');
            value := sharding.pointer_get(doc, source);
            if value is null then
                raise exception using errcode = 'SH022', message = format('nothing stands at %s', step -> 'from');
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
                raise exception using errcode = 'SH022', message = format('the test at %s failed', step -> 'path');
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

-- Adds a number to the one at path, a missing one counting as 0 and missing objects on the way being made.
create function sharding.increment(doc jsonb, path text[], delta numeric) returns jsonb
language plpgsql immutable parallel safe as $$
declare
    node  jsonb;
    total numeric;
begin
    for depth in 0 .. cardinality(path) - 1 loop
        node := doc #> path[:depth];
        if node is null then
            doc := jsonb_set(doc, path[:depth], '{}');
        elsif jsonb_typeof(node) <> 'object' then
            raise exception using errcode = 'SH022', message = format('%s stands in something that is not an object', to_json(path[depth + 1]));
        end if;
    end loop;
    node := doc #> path;
    if node is not null and jsonb_typeof(node) <> 'number' then
        raise exception using errcode = 'SH022', message = format('%s is not a number', to_json(path[cardinality(path)]));
    end if;
    total := coalesce(node::text::numeric, 0) + delta;
    if length(total::text) > 400 then
        raise exception using errcode = 'SH022', message = 'the sum has more than 400 digits';
    end if;
    return jsonb_set(doc, path, to_jsonb(total));
end
$$;

-- The new document of an operation that changes an existing one. Raises SH022 when it cannot be applied. A JSON Patch of fifteen
-- copies of a document into itself nests it 32,000 deep within all limits of size, and looking at that ends with "stack depth limit
-- exceeded": it is an invalid patch like any other that nests too deep.
create function sharding.changed_document(p_operation text, p_current jsonb, p_doc jsonb) returns jsonb
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
