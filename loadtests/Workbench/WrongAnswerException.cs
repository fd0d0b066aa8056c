namespace Workbench;

/// <summary>
/// An answer is wrong. It ends the run, because wrong answers are no throughput, unless the plan counts failures.
/// </summary>
internal sealed class WrongAnswerException(string message, Exception? cause = null, string kind = WrongAnswerException.WrongContent) : Exception(message, cause)
{
    /// <summary>The kind of an answer with wrong content; it is not a refusal or a lost connection, and is never tolerated.</summary>
    public const string WrongContent = "wrong answer";

    /// <summary>A few words that are the same for all failures that are counted together: "503 overloaded".</summary>
    public string Kind { get; } = kind;
}
