namespace LoadTests.Tests;

public sealed class CommandLineTests
{
    [Theory]
    [InlineData]
    [InlineData("no-such-bench")]
    [InlineData("get", "--pairs", "0")]
    [InlineData("get", "--seconds", "soon")]
    [InlineData("get", "--engine", "jmeter")]
    [InlineData("--quick", "--pairs", "1")]
    [InlineData("partitioned", "--cores", "2")]
    [InlineData("get", "--cores", "0.1")]
    public async Task What_it_does_not_understand_ends_with_2_and_starts_nothing(params string[] arguments) =>
        Assert.Equal(2, await LoadTestsApp.RunAsync(arguments, TestContext.Current.CancellationToken));
}
