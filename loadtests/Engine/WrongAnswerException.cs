namespace LoadTests.Engine;

/// <summary>Something answered, but not what was asked for. Ends the run: a wrong answer is no throughput.</summary>
internal sealed class WrongAnswerException(string message, Exception? cause = null) : Exception(message, cause);
