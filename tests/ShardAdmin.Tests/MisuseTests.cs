using ShardAdmin.Failures;

namespace ShardAdmin.Tests;

/// <summary>Every command typed wrongly: exit 2, what is wrong, and where the help is; before anything is connected to.</summary>
public sealed class MisuseTests
{
    private static readonly Dictionary<string, string> NoServers = new() { ["SHARDING_REDIS"] = "127.0.0.1:1" };

    public static TheoryData<string, string> Misuses => new()
    {
        { "", "command" },
        { "frobnicate", "frobnicate" },
        { "ring", "command" },
        { "ring frobnicate", "frobnicate" },
        { "collections", "command" },
        { "status extra", "extra" },
        { "status --bogus", "--bogus" },
        { "status -o xml", "table, json or ndjson" },
        { "status -o", "-o" },
        { "status --timeout soon", "--timeout" },
        { "status --timeout 0", "--timeout" },
        { "status --timeout -5s", "--timeout" },
        { "status --timeout 99999999h", "--timeout" },
        { "status --redis nonsense", "host:port" },
        { "status --redis host:0", "host:port" },
        { "status --redis host:99999", "host:port" },
        { "status --cluster a{b}", "--cluster" },
        { "status --cluster a/b", "--cluster" },
        { "init s1", "s1" },
        { "init --shard", "--shard" },
        { "init --shard s1", "host:port/database" },
        { "init --shard s1=127.0.0.1/app", "host:port/database" },
        { "init --shard s1=127.0.0.1:0/app", "host:port/database" },
        { "init --shard s1=127.0.0.1:70000/app", "host:port/database" },
        { "init --shard s1=127.0.0.1:5432/", "host:port/database" },
        { "init --shard s1=postgres://u:p@127.0.0.1:5432/app", "host:port/database" },
        { "init --shard S1=127.0.0.1:5432/app", "lower-case" },
        { "init --shard =127.0.0.1:5432/app", "host:port/database" },
        { "init --shard s1=a:1/x --shard s1=b:1/x", "s1 twice" },
        { "init --shard s1=a:1/x --shard s2=a:1/x", "a:1/x twice" },
        { "add-shard", "required" },
        { "add-shard s4", "--host" },
        { "add-shard s4 --host h --port 1", "--database" },
        { "add-shard S4 --host h --port 1 --database d", "not a shard id" },
        { "add-shard s4 --host h --port x --database d", "--port" },
        { "add-shard s4 --host h --port 0 --database d", "port" },
        { "add-shard s4 --host h --port 70000 --database d", "port" },
        { "add-shard s4 --host h;drop --port 1 --database d", "host" },
        { "add-shard s4 --host h --port 1 --database d --weight 0", "weight" },
        { "add-shard s4 --host h --port 1 --database d --weight 1001", "weight" },
        { "add-shard s4 --host h --port 1 --database d --weight heavy", "--weight" },
        { "add-shard s4 s5 --host h --port 1 --database d", "s5" },
        { "add-shard s4 --host h --port 1 --database d --password secret", "--password" },
        { "move --to s2", "SLOTS, or --pk" },
        { "move 5", "--to" },
        { "move 5 --to S2", "shard id" },
        { "move 5 --pk x --to s2", "exclude" },
        { "move 16384 --to s2", "SLOTS" },
        { "move 9-5 --to s2", "SLOTS" },
        { "move 5 --to s2 --rate fast", "--rate" },
        { "move 5 --to s2 --rate 1B/s", "--rate" },
        { "move 5 --to s2 --max-pause 1ms", "--max-pause" },
        { "move 5 --to s2 --parallel 0", "--parallel" },
        { "move 5 --to s2 --batch 0", "--batch" },
        { "move 5 --to s2 --batch 1025", "--batch takes 1…1024" },
        { "ops resume --batch 5", "--batch" },
        { "remove-shard", "argument missing" },
        { "remove-shard S2", "not a shard id" },
        { "rebalance --weight s1", "ID=W" },
        { "rebalance --weight s1=0", "ID=W" },
        { "rebalance --threshold 5", "--threshold" },
        { "rebalance extra", "extra" },
        { "ops", "command" },
        { "ops show", "argument missing" },
        { "ops show 17", "UUID" },
        { "ops resume 17", "UUID" },
        { "ops resume --detach --take-over", "takes over by itself" },
        { "ops resume --detach --rate 1MiB/s", "--rate" },
        { "ops cancel", "argument missing" },
        { "ops pause", "argument missing" },
        { "ops pause 17", "UUID" },
        { "ops watch 17", "UUID" },
        { "ops watch a b", "b" },
        { "ops rollback", "argument missing" },
        { "ops rollback 17", "UUID" },
        { "ops rollback 00000000-0000-0000-0000-000000000000 --detach --parallel 2", "--parallel" },
        { "plan", "command" },
        { "plan frobnicate", "frobnicate" },
        { "plan move 5", "--to" },
        { "plan move 16384 --to s2", "SLOTS" },
        { "plan rebalance --threshold 5", "--threshold" },
        { "plan remove-shard S2", "not a shard id" },
        { "plan add-shard s4", "--host" },
        { "plan rebalance --out", "--out" },
        { "apply", "argument missing" },
        { "apply a b", "b" },
        { "apply plan.json --rate fast", "--rate" },
        { "agent extra", "extra" },
        { "agent --interval 1ms", "--interval" },
        { "agent --take-over-after 1s", "--take-over-after" },
        { "agent --metrics nowhere", "--metrics" },
        { "ops list extra", "extra" },
        { "ring show extra", "extra" },
        { "ring history extra", "extra" },
        { "ring export extra", "extra" },
        { "ring where", "argument missing" },
        { "ring where a b", "b" },
        { "ring rebuild --seed nonsense", "host:port/database" },
        { "ring rebuild --seed", "--seed" },
        { "routers extra", "extra" },
        { "migrate extra", "extra" },
        { "collections list extra", "extra" },
        { "collections create", "argument missing" },
        { "collections create Upper", "lower-case" },
        { "collections create 1st", "lower-case" },
        { "collections create a b", "b" },
        { "collections delete", "argument missing" },
        { "collections delete ../x", "lower-case" },
        { "verify --slots", "--slots" },
        { "verify --slots 16384", "--slots" },
        { "verify --slots 9-5", "--slots" },
        { "verify --slots 1,,2", "--slots" },
        { "verify --slots -1", "--slots" },
        { "verify --slots 1-2-3", "--slots" },
        { "verify --all --slots 5", "exclude" },
        { "doctor extra", "extra" },
    };

    [Theory]
    [MemberData(nameof(Misuses))]
    public async Task A_misused_command_says_what_is_wrong_and_where_the_help_is(string arguments, string told)
    {
        var run = await AdminRun.OfAsync(NoServers, arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        run.Fails(ExitCode.Usage, told, "Nothing was changed", "--help");
        Assert.Empty(run.Out);
    }

    [Fact]
    public async Task Partition_keys_are_1_to_1024_bytes_without_NUL()
    {
        (await AdminRun.OfAsync(NoServers, ["ring", "where", ""])).Fails(ExitCode.Usage);
        (await AdminRun.OfAsync(NoServers, ["ring", "where", new string('é', 513)])).Fails(ExitCode.Usage, "1026 bytes");
        (await AdminRun.OfAsync(NoServers, ["ring", "where", "a\0b"])).Fails(ExitCode.Usage);
        (await AdminRun.OfAsync(NoServers, ["ring", "where", "\ud800"])).Fails(ExitCode.Usage, "surrogate");
    }

    [Fact]
    public async Task A_bad_environment_is_told_like_a_bad_option()
    {
        (await AdminRun.OfAsync(new Dictionary<string, string> { ["SHARDING_REDIS"] = "nonsense" }, ["status"])).Fails(ExitCode.Usage, "SHARDING_REDIS");
        (await AdminRun.OfAsync(new Dictionary<string, string> { ["SHARDING_CLUSTER"] = "a b" }, ["status"])).Fails(ExitCode.Usage, "SHARDING_CLUSTER");
    }

    /// <summary>A program that was promised one document would read the first and stop, or fail at the second.</summary>
    [Theory]
    [InlineData("ops watch")]
    [InlineData("agent")]
    [InlineData("status --watch")]
    public async Task What_writes_one_result_after_the_other_refuses_json_and_names_ndjson(string command)
    {
        var run = await AdminRun.OfAsync(NoServers, [.. command.Split(' '), "-o", "json"]);

        Assert.Equal(ExitCode.Usage, run.Exit);
        Assert.Contains("one document", run.Error, StringComparison.Ordinal);
        Assert.Contains($"shardadmin {command} -o ndjson", run.Error, StringComparison.Ordinal);
        Assert.Empty(run.Out);
    }

    [Fact]
    public async Task With_json_an_error_is_one_line_of_json_on_stderr()
    {
        foreach (var arguments in new string[][] { ["status", "-o", "json"], ["status", "-o", "json", "--bogus"] })
        {
            var run = await AdminRun.OfAsync(NoServers, arguments);
            var error = System.Text.Json.JsonDocument.Parse(run.Error).RootElement.GetProperty("error");
            Assert.Equal((int)run.Exit, error.GetProperty("exit").GetInt32());
            Assert.NotEmpty(error.GetProperty("next").GetString()!);
            Assert.Empty(run.Out);
        }
    }

    [Theory]
    [InlineData("status")]
    [InlineData("verify")]
    [InlineData("doctor")]
    [InlineData("routers")]
    [InlineData("queries")]
    [InlineData("migrate")]
    [InlineData("init")]
    [InlineData("ring show")]
    [InlineData("ring history")]
    [InlineData("ring export")]
    [InlineData("ring where x")]
    [InlineData("ring rebuild --seed 127.0.0.1:1/x")]
    [InlineData("move 5 --to s2")]
    [InlineData("remove-shard s2")]
    [InlineData("rebalance")]
    [InlineData("ops list")]
    [InlineData("ops resume")]
    [InlineData("ops watch")]
    [InlineData("ops show 00000000-0000-0000-0000-000000000000")]
    [InlineData("ops pause 00000000-0000-0000-0000-000000000000")]
    [InlineData("ops cancel 00000000-0000-0000-0000-000000000000")]
    [InlineData("ops rollback 00000000-0000-0000-0000-000000000000")]
    [InlineData("plan move 5 --to s2")]
    [InlineData("collections list")]
    [InlineData("collections create c")]
    [InlineData("collections delete c -y")]
    [InlineData("accept-loss s1")]
    [InlineData("add-shard s1 --host h --port 1 --database d")]
    public async Task Without_Redis_every_command_exits_7_within_seconds_and_names_it(string arguments)
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        var run = await AdminRun.OfAsync(NoServers, arguments.Split(' '));

        Assert.Equal(ExitCode.CannotReach, run.Exit);
        Assert.Contains("127.0.0.1:1", run.Out + run.Error, StringComparison.Ordinal);
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(6)); // 3 s on an idle machine
    }

    [Theory]
    [InlineData("", "add-shard")]
    [InlineData("init", "shardadmin init --shard s1=")]
    [InlineData("add-shard", "--no-rebalance")]
    [InlineData("move", "--pk FR")]
    [InlineData("remove-shard", "--force-empty")]
    [InlineData("rebalance", "--threshold")]
    [InlineData("ops", "ops list")]
    [InlineData("ops show", "pauseMs")]
    [InlineData("status", "--watch")]
    [InlineData("verify", "--slots 0-255")]
    [InlineData("accept-loss", "--dry-run")]
    [InlineData("doctor", "jq")]
    [InlineData("routers", "jq")]
    [InlineData("queries", "--by scanned")]
    [InlineData("migrate", "--dry-run")]
    [InlineData("ring", "shardadmin ring where FR")]
    [InlineData("ring show", "jq")]
    [InlineData("ring history", "jq")]
    [InlineData("ring export", "ring.json")]
    [InlineData("ring where", "order 17")]
    [InlineData("ring rebuild", "--seed 10.0.0.1:5432/app")]
    [InlineData("collections", "collections create")]
    [InlineData("collections list", "jq")]
    [InlineData("collections create", "orders")]
    [InlineData("collections delete", "--yes")]
    public async Task Help_teaches_with_an_example_even_beside_mistakes(string command, string shown)
    {
        var words = command.Split(' ', StringSplitOptions.RemoveEmptyEntries);

        Assert.Contains(shown, (await AdminRun.OfAsync(NoServers, [.. words, "--help"])).Succeeds("Examples:").Out, StringComparison.Ordinal);
        (await AdminRun.OfAsync(NoServers, [.. words, "--redis", "nonsense", "-h"])).Succeeds("Examples:");
    }
}
