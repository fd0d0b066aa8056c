using LoadTests.Engine;
using Workbench;

namespace LoadTests.References;

/// <summary>One of the systems that a bench measures in turn.</summary>
internal interface IContestant
{
    string Name { get; }

    /// <exception cref="WrongAnswerException">The measurement failed; there is no result.</exception>
    Task<LoadResult> RunAsync(TimeSpan warmUp, TimeSpan duration, CancellationToken cancellation);
}
