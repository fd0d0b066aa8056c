namespace ShardCore.Tests.Moves.Model;

/// <summary>Where the canceller is; it runs once.</summary>
internal enum CancellerStep
{
    Ask,
    Follow,
    Begin,
    Import,
    Purge,
    CancelImport,
    DropPublications,
    CancelMove,
    Done,
}
