using ShardAdmin.Failures;
using ShardAdmin.Output;
using ShardCore.Access;
using ShardCore.Ring;

namespace ShardAdmin.Keys;

/// <summary>Pure: what doctor says of the API keys in the shards that answered.</summary>
internal static class KeyChecks
{
    public static Finding Of(IReadOnlyDictionary<ShardId, IReadOnlyList<ApiKey>> byShard)
    {
        const string check = "api-keys";
        var survey = new KeySurvey(byShard, new Dictionary<ShardId, ShardUnreachableException>());
        var contradicted = survey.Keys.Values.Where(key => key.IsContradicted).ToArray();
        if (contradicted.Length > 0)
            return new Finding(
                check, FindingLevel.Failed,
                $"The shards say different things of key {contradicted[0].Id} ({contradicted[0].Name}), and routers refuse it: somebody "
                + "changed a row by hand.",
                $"shardadmin keys revoke {contradicted[0].Id}; shardadmin keys create --help");
        return Finding.Of(
            check, FindingLevel.Failed,
            [
                .. byShard.Keys.Order().Select(shard => (shard, Lacked: survey.LackedBy(shard).Count())).Where(each => each.Lacked > 0)
                .Select(each => $"{each.shard}: does not know all that others know of {each.Lacked} {(each.Lacked == 1 ? "key" : "keys")}."),
            ],
            $"The same {survey.Keys.Count} in every shard.", "shardadmin keys sync");
    }
}
