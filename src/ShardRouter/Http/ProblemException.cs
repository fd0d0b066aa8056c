namespace ShardRouter.Http;

/// <summary>The request cannot be carried out as it was sent. The reaction: answer with <see cref="Problem"/>.</summary>
internal sealed class ProblemException(Problem problem) : Exception(problem.Title)
{
    public Problem Problem { get; } = problem;
}
