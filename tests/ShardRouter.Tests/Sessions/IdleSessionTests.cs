using System.Text;
using Npgsql;
using ShardRouter.Shards;
using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Sessions;

/// <summary>Something ends the router's sessions while they are idle, and says so: nothing of the next statement can have run.</summary>
public sealed class IdleSessionTests(SharedPostgres postgres, SharedRedis redis) : RelayedRouterTests(postgres, redis)
{
    private const string IdleSessionTimeout = "57P05";

    /// <summary>Longer than between two looks of the router's monitor, whose session shall live.</summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData("put")]
    [InlineData("transact")]
    [InlineData("get")]
    public async Task A_call_that_meets_one_is_carried_out_on_another(string call)
    {
        (await CallAsync("put")).Expect(201);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => CallAsync("transact"))); // several sessions, all of which will be over
        (await CallAsync("get")).Expect(200);
        var applied = (await CallAsync("transact")).Expect(200);
        var before = await CountAsync();
        var ended = 0;
        await Eventually.ThatAsync(async () => (ended += await Relay.EndQuietAsync(Quiet, Fatal(IdleSessionTimeout))) >= 3, Limit, "sessions have been idle");

        (await CallAsync(call)).Expect(200);

        Assert.Equal(before + (call == "transact" ? 1 : 0), await CountAsync());
        Assert.Equal(200, applied.Status);
    }

    /// <summary>A server that ends a session for another reason may have committed before.</summary>
    [Theory]
    [InlineData("57P01", "OutcomeUnknown")]
    [InlineData("57P02", "OutcomeUnknown")]
    [InlineData("25P04", "OutcomeUnknown")]
    [InlineData("57P05", "Unavailable")]
    [InlineData("25P03", "Unavailable")]
    public void Only_the_end_of_an_idle_session_says_that_a_write_was_not_applied(string sqlState, string failure)
    {
        var error = new PostgresException("terminating connection", "FATAL", "FATAL", sqlState);

        Assert.Equal(failure, ShardErrors.Classify(error, mayHaveLanded: true).ToString());
    }

    private Task<ApiReply> CallAsync(string call) => call switch
    {
        "put" => Items.PutAsync("pk", "x", "{}"),
        "get" => Items.GetAsync("pk", "x"),
        _ => Router.Api.PostAsync("/v1:transact", $$"""{"pk":"pk","ops":[{"op":"increment","collection":"{{Items.Name}}","id":"n","path":"n","by":1}]}"""),
    };

    private Task<int> CountAsync() => Cluster["s1"].Database.ScalarAsync<int>("select (doc ->> 'n')::integer from sharding.item where id = 'n'");

    /// <summary>An ErrorResponse as the protocol has it.</summary>
    private static byte[] Fatal(string sqlState)
    {
        var fields = Encoding.ASCII.GetBytes($"SFATAL\0VFATAL\0C{sqlState}\0Mterminating connection\0\0");
        var length = fields.Length + sizeof(int);
        return [(byte)'E', (byte)(length >> 24), (byte)(length >> 16), (byte)(length >> 8), (byte)length, .. fields];
    }
}
