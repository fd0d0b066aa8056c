using System.Globalization;
using System.Text.Json;
using Npgsql;
using ShardAdmin.Failures;
using ShardCore.Ring;
using TestCluster;

namespace ShardAdmin.Tests.Verifying;

/// <summary>shardadmin verify with something to compare: an earlier run, another copy, what was handed over.</summary>
public sealed class VerifyChecksumTests(SharedPostgres postgres, SharedRedis redis, ITestOutputHelper output)
{
    [Fact]
    public async Task One_changed_byte_among_a_million_rows_is_found_and_its_slot_named()
    {
        await using var cluster = await WithRowsAsync(1_000_000);
        var file = TemporaryFolder.NewPath("verify");
        var saved = (await cluster.RunAsync("verify", "--save", file, "-o", "json")).Succeeds().Json;
        Assert.Equal(1_000_000, saved.GetProperty("rows").GetInt64());
        output.WriteLine($"{saved.GetProperty("rowsRead").GetInt64() / saved.GetProperty("seconds").GetDouble():N0} rows/s");
        (await cluster.RunAsync("verify", "--compare", file, "-q")).Succeeds("0 of 16,384 slots with rows differ");
        var owner = (await cluster.RingAsync())!.OwnerOf(SlotHash.Of("777")).Id;
        await cluster.Database(int.Parse(owner.Value[1..], CultureInfo.InvariantCulture)).ExecuteAsync("update sharding.item set doc = '{\"text\":\"the same in each rov\"}' where pk = '777'");

        var run = await cluster.RunAsync("verify", "--compare", file, "-o", "json", "-q");

        Assert.Equal(9, (int)run.Exit);
        var difference = Assert.Single(run.Json.GetProperty("differences").EnumerateArray());
        Assert.Equal(("run-differs", $"{SlotHash.Of("777")}"), (difference.GetProperty("kind").GetString(), difference.GetProperty("slots").GetString()));
    }

    [Fact]
    public async Task An_interrupted_run_is_carried_on_where_it_was()
    {
        await using var cluster = await WithRowsAsync(5000);
        var file = TemporaryFolder.NewPath("verify");
        (await cluster.RunAsync("verify", "--save", file)).Succeeds(file);
        var lines = await File.ReadAllLinesAsync(file, TestContext.Current.CancellationToken);
        // Of each shard the numbers below and above all slots, and its slots in four parts.
        Assert.Equal(1 + 2 * (2 + 4), lines.Length);
        var whole = lines.Skip(1).Select(line => JsonDocument.Parse(line).RootElement).First(line => line.GetProperty("slots").GetArrayLength() > 0);
        await File.WriteAllTextAsync(file, $"{lines[0]}\n{whole}\n{lines[^1][..^9]}", TestContext.Current.CancellationToken);

        var resumed = (await cluster.RunAsync("verify", "--save", file, "--resume", "-o", "json")).Succeeds().Json;

        Assert.Equal(5000, resumed.GetProperty("rows").GetInt64());
        Assert.Equal(5000 - whole.GetProperty("slots").EnumerateArray().Sum(slot => slot.GetProperty("rows").GetInt64()), resumed.GetProperty("rowsRead").GetInt64());
        (await cluster.RunAsync("verify", "--compare", file)).Succeeds();
        Assert.Equal(0, (await cluster.RunAsync("verify", "--save", file, "--resume", "-o", "json")).Succeeds().Json.GetProperty("rowsRead").GetInt64());
    }

    [Fact]
    public async Task A_file_that_does_not_fit_is_refused()
    {
        await using var cluster = await WithRowsAsync(10);
        var file = TemporaryFolder.NewPath("verify");
        (await cluster.RunAsync("verify", "--resume")).Fails(ExitCode.Usage, "--save");
        (await cluster.RunAsync("verify", "--connections", "0")).Fails(ExitCode.Usage, "--connections");
        (await cluster.RunAsync("verify", "--compare", file)).Fails(ExitCode.NotFound, file);
        (await cluster.RunAsync("verify", "--save", file, "--resume")).Fails(ExitCode.NotFound, file);
        (await cluster.RunAsync("verify", "--save", "/nowhere/at/all")).Fails(ExitCode.Precondition, "/nowhere/at/all");
        (await cluster.RunAsync("verify", "--save", file)).Succeeds();
        (await cluster.RunAsync("verify", "--save", file)).Fails(ExitCode.Conflict, "--resume");
        (await cluster.RunAsync("verify", "--save", file, "--resume", "--slots", "5")).Fails(ExitCode.Conflict, "slots 5");
        await File.WriteAllTextAsync(file, "{}\n", TestContext.Current.CancellationToken);
        (await cluster.RunAsync("verify", "--compare", file)).Fails(ExitCode.Precondition, "is not a file of");
    }

    [Fact]
    public async Task A_copy_of_a_shard_is_held_to_it()
    {
        await using var cluster = await WithRowsAsync(2000);
        await using var copy = await postgres.CreateShardAsync();
        await copy.ExecuteAsync("insert into sharding.collection (name) values ('c')");
        await using (var from = await cluster.Database(1).DataSource.OpenConnectionAsync(TestContext.Current.CancellationToken))
        await using (var to = await copy.DataSource.OpenConnectionAsync(TestContext.Current.CancellationToken))
        {
            await using var reading = await from.BeginRawBinaryCopyAsync("copy (select * from sharding.item) to stdout (format binary)", TestContext.Current.CancellationToken);
            await using var writing = await to.BeginRawBinaryCopyAsync("copy sharding.item from stdin (format binary)", TestContext.Current.CancellationToken);
            await reading.CopyToAsync(writing, TestContext.Current.CancellationToken);
        }
        (await cluster.RunAsync("verify", "--compare", $"s1={copy.Address}")).Succeeds("0 of ");
        var slot = await copy.ScalarAsync<short>("delete from sharding.item where pk = (select min(pk) from sharding.item) returning slot");

        var run = await cluster.RunAsync("verify", "--compare", $"s1={copy.Address}", "-o", "json");

        var difference = Assert.Single(run.Json.GetProperty("differences").EnumerateArray());
        Assert.Equal(("copy-differs", "s1", $"{slot}"), (difference.GetProperty("kind").GetString(), difference.GetProperty("shard").GetString(), difference.GetProperty("slots").GetString()));
        (await cluster.RunAsync("verify", "--compare", $"s9={copy.Address}")).Fails(ExitCode.NotFound, "s9");
        (await cluster.RunAsync("verify", "--compare", "s1=127.0.0.1:1/gone")).Fails(ExitCode.CannotReach, "127.0.0.1:1/gone");
    }

    [Fact]
    public async Task What_was_handed_over_and_not_cleaned_yet_is_compared_with_what_was_given()
    {
        await using var cluster = await WithRowsAsync(2000);
        var pk = Enumerable.Range(1, 2000).Select(number => $"{number}").First(key => cluster.RingAsync().Result!.OwnerOf(SlotHash.Of(key)).Id.Value == "s1");
        var slot = SlotHash.Of(pk).Value;
        var given = string.Join(',', Enumerable.Range(0, 4).Select(row => $"(7, '2026-01-01', {slot}, 'c', '{pk}', 'g{row}', '{{}}')"));
        foreach (var number in (int[])[1, 2])
            await cluster.Database(number).ExecuteAsync($"delete from sharding.item where slot = {slot}; insert into sharding.item (version, updated_at, slot, collection, pk, id, doc) values {given}");
        var id = Guid.NewGuid();
        await cluster.Database(1).ExecuteAsync($"""
            update sharding.slot_ownership set state = 'released', peer = 's2', move_id = '{id}', epoch = 50 where slot = {slot};
            insert into sharding.move (move_id, operation_id, ordinal, target, slots, phase, attempt, epoch, version_floor, started_by)
            values ('{id}', '{id}', 0, 's2', array[{slot}], 'owned', 1, 50, 10, 'test')
            """);
        await cluster.Database(2).ExecuteAsync($"""
            insert into sharding.slot_ownership (slot, state, epoch, version_floor, peer) values ({slot}, 'owned', 50, 10, 's1');
            insert into sharding.move_import (move_id, source, slots, attempt, seal, owned_epoch, version_floor) values ('{id}', 's1', array[{slot}], 1, 'x', 50, 10);
            select sharding.write_items(
                false, '{"{put,delete,put}"}', array[{slot},{slot},{slot}]::smallint[], '{"{c,c,c}"}', array['{pk}','{pk}','{pk}'], '{"{g1,g2,new}"}', array['{"{}"}', null, '{"{}"}']::jsonb[],
                '{"{none,none,none}"}', '{"{null,null,null}"}', array[null,null,null]::integer[], array[false,false,false])
            """);

        var sound = await cluster.RunAsync("verify", "-o", "json");
        Assert.Equal("ring-disagrees", Assert.Single(sound.Json.GetProperty("differences").EnumerateArray()).GetProperty("kind").GetString()); // it is not published yet
        var handOver = Assert.Single(sound.Json.GetProperty("handOvers").EnumerateArray());
        Assert.Equal((true, 4L), (handOver.GetProperty("compared").GetBoolean(), handOver.GetProperty("rows").GetInt64()));

        await cluster.Database(2).ExecuteAsync($"update sharding.item set doc = '{{\"n\":1}}' where id = 'g3' and slot = {slot}");
        var damaged = (await cluster.RunAsync("verify", "-o", "json")).Json.GetProperty("differences").EnumerateArray();
        Assert.Contains(damaged, each => each.GetProperty("kind").GetString() == "hand-over-differs" && each.GetProperty("slots").GetString() == $"{slot}");
    }

    /// <summary>Two shards; partitions 1, 2, 3, … of one row each.</summary>
    private async Task<AdminCluster> WithRowsAsync(int rows)
    {
        var cluster = await AdminCluster.InitialisedAsync(postgres, redis, 2);
        (await cluster.RunAsync("collections", "create", "c")).Succeeds();
        await Task.WhenAll(new[] { 1, 2 }.Select(async number =>
        {
            await using var fill = new NpgsqlCommand(
                $$"""
                insert into sharding.item
                select 1, '2026-01-01', null, slot, 'c', pk, 'i', '{"text":"the same in each row"}'
                from (select g::text as pk, sharding.slot_of(g::text) as slot from generate_series(1, {{rows}}) g) k
                where slot in (select slot from sharding.slot_ownership where state = 'owned');
                analyze sharding.item
                """);
            fill.CommandTimeout = 300;
            fill.Connection = await cluster.Database(number).DataSource.OpenConnectionAsync();
            await using (fill.Connection)
                await fill.ExecuteNonQueryAsync();
        }));
        return cluster;
    }
}
