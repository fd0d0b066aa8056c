namespace LoadTests.Engine;

/// <summary>
/// Something answered, but not what was asked for. Ends the run, as a wrong answer is no throughput, unless the plan counts failures.
/// </summary>
internal sealed class WrongAnswerException(string message, Exception? cause = null, string kind = WrongAnswerException.WrongContent) : Exception(message, cause)
{
    /// <summary>The answer itself is wrong: not a refusal, not a lost connection. Never to be tolerated.</summary>
    public const string WrongContent = "wrong answer";

    /// <summary>Few words, the same for all failures that are counted together: "503 overloaded".</summary>
    public string Kind { get; } = kind;
}
