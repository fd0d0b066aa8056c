namespace SampleLoader;

/// <summary>What has happened so far; many writers add, the progress display reads.</summary>
internal sealed class Totals
{
    private long _created;
    private long _alreadyThere;

    public long Created => Interlocked.Read(ref _created);

    public long AlreadyThere => Interlocked.Read(ref _alreadyThere);

    public long All => Created + AlreadyThere;

    public void AddCreated() => Interlocked.Increment(ref _created);

    public void AddAlreadyThere() => Interlocked.Increment(ref _alreadyThere);
}
