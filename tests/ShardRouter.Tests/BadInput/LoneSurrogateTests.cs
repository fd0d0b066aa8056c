using System.Text;
using TestCluster;

namespace ShardRouter.Tests.BadInput;

/// <summary>Half of a surrogate pair is valid JSON and no text. Wherever it stands in a body, the answer is a 400 and never a defect.</summary>
[Collection(BadInputTests.Name)]
public sealed class LoneSurrogateTests(BadInputCluster cluster)
{
    public static TheoryData<string, string, string> Requests
    {
        get
        {
            var data = new TheoryData<string, string, string>();
            foreach (var (method, path, type) in ((string, string, string)[])[
                ("PUT", "", "application/json"), ("PUT", "/items/FR/x", "application/json"), ("POST", "/items/FR", "application/json"),
                ("PATCH", "/items/FR/x", "application/merge-patch+json"), ("PATCH", "/items/FR/x", "application/json-patch+json"),
                ("PATCH", "/items/FR/x", "application/vnd.sharding.increment+json"),
                ("POST", ":batchGet", "application/json"), ("POST", ":batchWrite", "application/json"),
                ("POST", ":query", "application/json"), ("POST", ":count", "application/json"), ("POST", ":aggregate", "application/json"),
                ("PUT", "/indexes/by_x", "application/json")])
                data.Add(method, path, type);
            return data;
        }
    }

    private static readonly string[] Bodies =
    [
        """{"\ud800":1}""", """{"a":{"\ud800":1}}""", """{"a":"\ud800"}""", "\"\\ud800\"", """["\ud800"]""", """[{"op":"\ud800","path":"/a"}]""",
        """[{"op":"add","\ud800":"/a"}]""", """{"ops":[{"\ud800":1}]}""", """{"ops":[{"op":"put","pk":"FR","id":"\ud800","doc":{}}]}""",
        """{"keys":[{"\ud800":1}]}""", """{"filter":{"\ud800":1}}""", """{"filter":{"a":{"\ud800":1}}}""", """{"order":["\ud800"]}""",
        """{"order":[{"\ud800":1}]}""", """{"fields":[{"\ud800":1}]}""", """{"fields":[{"path":"\ud800","type":"text"}]}""", """{"id":{"\ud800":"a"}}""",
        """{"groupBy":["\ud800"],"allowScan":true}""", """{"cursor":"\ud800"}""", """{"aggregates":{"\ud800":{"count":true}}}""",
    ];

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task It_is_bad_input(string method, string path, string type)
    {
        foreach (var body in Bodies)
        {
            var reply = await cluster.Router.Api.SendAsync(
                method, cluster.Items.Address + path, Encoding.UTF8.GetBytes(body), ("Content-Type", type));

            Assert.True(reply.Status is >= 400 and < 500, $"{body}: {reply}");
        }
    }
}
