namespace ShardAdmin.CommandLine;

/// <summary>Why a command could not do what was asked: what is wrong, what was left untouched, what to type next.</summary>
/// <param name="Untouched">Null: what the session noted last (<see cref="AdminSession.LeftOff"/>).</param>
/// <param name="Next">The next command to type.</param>
internal sealed record Failure(ExitCode Code, string Problem, string? Untouched, string Next);
