using LoadTests.Engine;

namespace LoadTests.References;

/// <summary>One of those that are measured in turn.</summary>
internal interface IContestant
{
    string Name { get; }

    /// <exception cref="WrongAnswerException">Something went wrong; there is no result.</exception>
    Task<LoadResult> RunAsync(TimeSpan warmUp, TimeSpan duration, CancellationToken cancellation);
}
