using System.CommandLine;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Keys;
using ShardAdmin.Output;
using ShardAdmin.Rings;
using ShardCore.Access;
using Spectre.Console;

namespace ShardAdmin.Commands;

internal sealed class KeysSyncCommand() : AdminCommand(
    "sync", "Brings to each shard what the others know of API keys, for instance after one of them was restored. Safe to repeat",
    "shardadmin keys sync", "shardadmin keys sync -o json")
{
    public override bool Changes(ParseResult parse) => true;

    public override async Task<ExitCode> ExecuteAsync(ParseResult parse, AdminSession session, CancellationToken cancellation)
    {
        var ring = await session.RequireRingAsync(cancellation);
        var survey = await KeySurvey.ReadAsync(session, ring.Shards, cancellation);
        session.LeftOff = "Some shards may have learned of keys already. The same command completes it.";
        var learned = await Reach.AllAsync([.. ring.Shards.Where(shard => survey.ByShard.ContainsKey(shard.Id))], async shard =>
        {
            ApiKey[] lacked = [.. survey.LackedBy(shard.Id)];
            await ApiKeyStore.MergeAsync(session.Source(shard), lacked, cancellation);
            return lacked.Length;
        });
        if (survey.Dead.Count > 0)
            throw new CommandFailedException(new Failure(
                ExitCode.CannotReach, string.Join(" ", survey.Dead.Values.Select(problem => problem.Message)),
                $"The same keys are now in every shard that answers: {Tables.Counted(learned.Count, "shard")}.",
                $"{survey.Dead.Values.First().Next.Split(", then")[0]}; then: shardadmin keys sync"));
        var news = string.Join(", ", learned.Where(each => each.Value > 0).Select(each => $"{each.Key} learned of {each.Value}"));
        session.Output.Write(
            new { shards = learned.Select(each => new { shard = each.Key.Value, learned = each.Value }) },
            console => console.WriteLine(learned.Values.Sum() == 0
                ? $"All {Tables.Counted(learned.Count, "shard")} have the same {Tables.Counted(survey.Keys.Count, "key")}."
                : $"All {Tables.Counted(learned.Count, "shard")} have the same {Tables.Counted(survey.Keys.Count, "key")} now: {news}."));
        return ExitCode.Done;
    }
}
