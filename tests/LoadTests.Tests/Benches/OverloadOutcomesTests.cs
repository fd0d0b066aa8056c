using System.Diagnostics;
using LoadTests.Benches.Overload;

namespace LoadTests.Tests.Benches;

public sealed class OverloadOutcomesTests
{
    [Fact]
    public void The_first_part_of_a_load_counts_from_its_first_answer_and_not_from_when_connections_were_opened()
    {
        var outcomes = new OverloadOutcomes(TimeSpan.FromSeconds(3));
        var began = Stopwatch.GetTimestamp() + (60 * Stopwatch.Frequency); // so long did it take to open them

        foreach (var second in Enumerable.Range(0, 8))
            outcomes.Accept(began + (second * Stopwatch.Frequency), began + (second * Stopwatch.Frequency) + 1000);
        outcomes.Refuse(began + Stopwatch.Frequency, began + Stopwatch.Frequency + 1000);
        outcomes.Refuse(began + (4 * Stopwatch.Frequency), began + (4 * Stopwatch.Frequency) + 1000);

        Assert.Equal((5, 1), (outcomes.Accepted.Count, outcomes.Refused.Count));
    }
}
