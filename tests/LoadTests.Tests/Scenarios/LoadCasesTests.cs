using LoadTests.Http;
using LoadTests.Scenarios;

namespace LoadTests.Tests.Scenarios;

public sealed class LoadCasesTests
{
    [Fact]
    public void Each_scenario_has_a_name_of_its_own_that_can_be_typed_and_be_part_of_a_file_name() =>
        Assert.All(
            LoadCases.All.CountBy(scenario => scenario.Name),
            name => Assert.True(name.Value == 1 && name.Key.All(letter => char.IsAsciiLetterLower(letter) || char.IsAsciiDigit(letter) || letter == '-'), name.Key));

    [Fact]
    public void Half_of_the_requests_are_for_the_hot_partition()
    {
        var random = new Random(1);
        var hot = Enumerable.Range(0, 10_000).Count(_ => RequestMix.HotPartition.Next(random).Choose(random) >= ItemSet.Hot.First);

        Assert.InRange(hot, 4800, 5200);
    }

    [Theory]
    [InlineData("load")]
    [InlineData("load", "no-such-scenario")]
    [InlineData("load", "read", "--rate", "0")]
    public async Task What_it_does_not_understand_starts_nothing(params string[] arguments) =>
        Assert.Equal(2, await LoadTestsApp.RunAsync(arguments, TestContext.Current.CancellationToken));
}
