using ShardRouter.Tests.Setup;
using TestCluster;

namespace ShardRouter.Tests.Reference;

/// <summary>Public checks and generators on the document that a router serves, and requests with the clients that they make: see tests/clients.</summary>
public sealed class GeneratedClientsTests(RouterFixture fixture) : RouterTests(fixture)
{
    /// <summary>With this the script says that Node.js is missing, or that npm cannot fetch the packages.</summary>
    private const int CannotRun = 4;

    [Fact]
    public async Task Public_tools_accept_the_document_and_make_clients_that_work()
    {
        await using var run = ChildProcess.Start(Path.Combine(Checkout.Root, "tests", "clients", "run"), [Router.Url.ToString()]);
        await run.WaitForExitAsync(TimeSpan.FromMinutes(5));
        if (run.ExitCode == CannotRun && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("CI")))
            Assert.Skip(run.Output);
        Assert.True(run.ExitCode == 0, run.Output);
    }
}
