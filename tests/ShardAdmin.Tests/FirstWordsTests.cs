using System.CommandLine;
using System.Text.RegularExpressions;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Output;
using ShardAdmin.Settings;
using TestCluster;

namespace ShardAdmin.Tests;

/// <summary>What somebody reads who types a command for the first time. No server is needed.</summary>
public sealed partial class FirstWordsTests
{
    private static readonly Dictionary<string, string> NoServers = new() { ["SHARDING_REDIS"] = "127.0.0.1:1" };

    [Theory]
    [InlineData("statsu", "status")]
    [InlineData("satus", "status")]
    [InlineData("Status", "status")]
    [InlineData("docter", "doctor")]
    [InlineData("addshard s4", "add-shard")]
    [InlineData("remove-shrad s4", "remove-shard")]
    [InlineData("rebalanc", "rebalance")]
    [InlineData("collection list", "collections")]
    [InlineData("ring shwo", "show")]
    [InlineData("ops lits", "list")]
    [InlineData("plan rebalanse", "rebalance")]
    [InlineData("status --wacth", "--watch")]
    [InlineData("status --otput table", "--output")]
    [InlineData("rebalance --treshold 5%", "--threshold")]
    [InlineData("rebalance --treshold=5%", "--threshold")]
    [InlineData("add-shard s4 --host h --prot 1 --database d", "--port")]
    [InlineData("verify --slot 5", "--slots")]
    public async Task A_misspelt_word_is_answered_by_the_one_that_was_meant(string typed, string meant) =>
        (await AdminRun.OfAsync(NoServers, typed.Split(' '))).Fails(ExitCode.Usage, $"Did you mean '{meant}'?");

    [Fact]
    public async Task A_message_names_the_program_as_people_started_it()
    {
        var started = new Dictionary<string, string>(NoServers) { ["SHARDADMIN_NAME"] = "./dev admin" };
        (await AdminRun.OfAsync(started, ["ring", "shwo"])).Fails(ExitCode.Usage, "./dev admin ring --help");
    }

    [Fact]
    public async Task A_misspelt_command_is_not_missing_as_well() => Assert.DoesNotContain(
        "Required command", (await AdminRun.OfAsync(NoServers, ["statsu"])).Fails(ExitCode.Usage, "'statsu'").Error, StringComparison.Ordinal);

    [Theory]
    [InlineData("frobnicate")]
    [InlineData("status --frobnicate")]
    [InlineData("status extra")]
    [InlineData("xyz")]
    public async Task A_word_that_resembles_none_is_only_refused(string typed) =>
        Assert.DoesNotContain("Did you mean", (await AdminRun.OfAsync(NoServers, typed.Split(' '))).Fails(ExitCode.Usage).Error, StringComparison.Ordinal);

    /// <summary>The library shows a default as the program writes it: "Table", "0.05".</summary>
    [Fact]
    public async Task Every_default_that_the_help_shows_can_be_typed()
    {
        var root = CommandTable.Build(new GlobalOptions(new AdminProcess(TextWriter.Null, TextWriter.Null, TextReader.Null, _ => null)));
        var shown = 0;
        foreach (var path in Paths(root, []).ToArray())
            foreach (Match line in DefaultLine().Matches((await AdminRun.OfAsync(NoServers, [.. path, "--help"])).Succeeds().Out))
            {
                var (option, value) = (line.Groups["option"].Value, line.Groups["value"].Value);
                var errors = root.Parse([.. path, option, value]).Errors.Where(error => error.Message.Contains(option, StringComparison.Ordinal));
                Assert.True(value.Length > 0 && !errors.Any(), $"{string.Join(' ', path)} {option} shows the default '{value}'.");
                shown++;
            }
        Assert.True(shown > 10, $"Only {shown} defaults were found.");
        Assert.Contains("default: 5%", (await AdminRun.OfAsync(NoServers, ["rebalance", "--help"])).Succeeds().Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("relocate s1 --host a:1 --port 2", "--port 2 is for hosts that name none, and 'a:1' names one")]
    [InlineData("relocate s1 --host a:1,b:2 --port 3", "names one for each")]
    [InlineData("add-shard s4 --host a:1 --port 2 --database d", "--port 2 is for hosts that name none")]
    public async Task A_port_beside_hosts_that_have_theirs_is_refused(string typed, string told) =>
        (await AdminRun.OfAsync(NoServers, typed.Split(' '))).Fails(ExitCode.Usage, told);

    [Theory]
    [InlineData("ops show abc")]
    [InlineData("ops cancel 019g")]
    [InlineData("ops resume 12-4")]
    [InlineData("ops settle 0123456789012345678901234567890123456789")]
    public async Task What_no_id_begins_with_is_refused(string typed) =>
        (await AdminRun.OfAsync(NoServers, typed.Split(' '))).Fails(ExitCode.Usage, "UUID", "first 4 characters");

    [Theory]
    [InlineData("restore check nope.json", "shardadmin restore check FILE")]
    [InlineData("apply nope.json", "shardadmin plan")]
    public async Task A_file_that_is_not_there_is_named_with_what_to_type_next(string typed, string next) =>
        (await AdminRun.OfAsync(NoServers, typed.Split(' '))).Fails(ExitCode.NotFound, "nope.json: no such file", next);

    [Theory]
    [InlineData(0, "0 slots")]
    [InlineData(1, "1 slot")]
    [InlineData(2, "2 slots")]
    [InlineData(16_384, "16,384 slots")]
    public void One_is_not_several(long count, string text) => Assert.Equal(text, Tables.Counted(count, "slot"));

    /// <summary>A number and its noun come from <see cref="Tables.Counted(long?, string)"/>. Behind "3 of" a plural may stay.</summary>
    [Fact]
    public void No_message_has_a_plural_behind_a_number_that_may_be_one()
    {
        var sources = Directory.EnumerateFiles(Path.Combine(Checkout.Root, "src", "ShardAdmin"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal)).ToArray();
        Assert.True(sources.Length > 100, "The sources were not found.");

        Assert.Empty(sources.SelectMany(file => File.ReadLines(file).Where(line => BarePlural().IsMatch(line)).Select(line => $"{file}: {line.Trim()}")));
    }

    private static IEnumerable<string[]> Paths(Command command, string[] path) =>
        command.Subcommands.SelectMany(each => Paths(each, [.. path, each.Name])).Append(path);

    [GeneratedRegex(@"(?<option>--[a-z-]+)[^\n]*(\n(?!\s+-)[^\n]*)*?\[default: (?<value>[^\]]*)\]", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex DefaultLine();

    [GeneratedRegex(@"\$.*(?<!\bof )\{(?!\s)[^{}""]+\} (slots|checks|batches|shards|routers|epochs|operations|items|standbys|rows|hosts|agents)\b(?!/s)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex BarePlural();
}
