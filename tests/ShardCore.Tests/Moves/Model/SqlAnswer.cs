namespace ShardCore.Tests.Moves.Model;

/// <summary>What a SQL function comes to, as one transaction.</summary>
/// <param name="SqlState">Null: it was committed. <see cref="Waiting"/>: it waits for a lock. <see cref="Held"/>: for a backup
/// point.</param>
/// <param name="Value">What it returned; a boolean as 0 or 1.</param>
internal readonly record struct SqlAnswer(ModelState State, string? SqlState, int Value)
{
    public const string NotToBeHad = "SH010";
    public const string AttemptOver = "SH011";
    public const string NotFrozen = "SH012";
    public const string Waiting = "55P03";
    public const string Held = "SH015";

    /// <summary>The answer of a function that says more than a number.</summary>
    public string? Text { get; init; }

    public bool Succeeded => SqlState is null;

    /// <summary>It is called again later.</summary>
    public bool MustWait => SqlState is Waiting or Held;

    public static SqlAnswer Done(ModelState after, int value = 1) => new(after, null, value);

    /// <summary>Committed, but it changed nothing and says so.</summary>
    public static SqlAnswer No(ModelState state) => new(state, null, 0);

    public static SqlAnswer Refused(ModelState state, string sqlState) => new(state, sqlState, 0);
}
