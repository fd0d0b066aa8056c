using TestCluster;

namespace ShardCore.Tests.Servers;

public sealed class RequiredProgramTests
{
    [Fact]
    public void A_missing_program_skips_on_a_persons_machine_and_fails_in_CI()
    {
        Exception? thrown = null;
        try
        {
            RequiredProgram.Find("no-such-program", "a package");
        }
        catch (Exception e)
        {
            thrown = e;
        }

        Assert.NotNull(thrown);
        Assert.Contains("'no-such-program' was not found", thrown.Message, StringComparison.Ordinal);
        Assert.Contains("install a package", thrown.Message, StringComparison.Ordinal);
        var isCi = !string.IsNullOrEmpty(Environment.GetEnvironmentVariable("CI"));
        Assert.Equal(isCi, thrown is InvalidOperationException);
    }
}
