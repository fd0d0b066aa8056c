namespace ShardCore.Tests.Moves.Model;

/// <summary>What one mover's process remembers; all gone with it.</summary>
internal readonly record struct MoverMemory(uint Bits)
{
    public const int Width = 31;

    public ModelStep Step { get => (ModelStep)Get(0, 6); init => Bits = Set(0, 6, (int)value); }
    public int Attempt { get => Get(6, 3); init => Bits = Set(6, 3, value); }

    // The stream: how far it has been applied, the marker of the freeze, and what has become of it.

    public int AppliedA { get => Get(9, 2); init => Bits = Set(9, 2, value); }
    public int AppliedB { get => Get(11, 2); init => Bits = Set(11, 2, value); }
    public int MarkerA { get => Get(13, 2); init => Bits = Set(13, 2, value); }
    public int MarkerB { get => Get(15, 2); init => Bits = Set(15, 2, value); }

    /// <summary>A change was committed while the publication was gone: a Postgres that only warns leaves it out.</summary>
    public bool HasGap { get => Get(17, 1) == 1; init => Bits = Set(17, 1, value); }

    /// <summary>The deletions of cleaning are in the stream.</summary>
    public bool HasDeletions { get => Get(18, 1) == 1; init => Bits = Set(18, 1, value); }

    /// <summary>The ring that was read before it is replaced.</summary>
    public int RingSeen { get => Get(19, 3); init => Bits = Set(19, 3, value); }

    /// <summary>Of the batch, or of the target's word.</summary>
    public int Epoch { get => Get(22, 3); init => Bits = Set(22, 3, value); }

    public bool IsSettled { get => Get(25, 1) == 1; init => Bits = Set(25, 1, value); }

    /// <summary>The journal has no seal behind the release.</summary>
    public bool IsFollowing { get => Get(26, 1) == 1; init => Bits = Set(26, 1, value); }

    /// <summary>The target said before the comparison that it was compared already.</summary>
    public bool WasCompared { get => Get(27, 1) == 1; init => Bits = Set(27, 1, value); }

    /// <summary>A shard was replaced, and with it ended the stream, or the session at the target that seals.</summary>
    public bool LostSession { get => Get(28, 1) == 1; init => Bits = Set(28, 1, value); }

    /// <summary>Only of <see cref="KnownBug.RetryComparesOnlyWhatIsThere"/>: it handed the batch over itself.</summary>
    public bool HandedOver { get => Get(29, 1) == 1; init => Bits = Set(29, 1, value); }

    /// <summary>The random bytes of this attempt's freeze. Two freezes with the same rows are not told apart.</summary>
    public int Seal => 1 | MarkerA << 1 | MarkerB << 3;

    /// <summary>From the making of the replication slot until the target owns.</summary>
    public bool StreamIsOpen => Step is >= ModelStep.Copy and <= ModelStep.AdvanceAtOnce && !(LostSession && Step > ModelStep.Drain);

    /// <summary>The applier works in the background, whatever the mover itself is at.</summary>
    public bool Applies => Step >= ModelStep.CatchUp && StreamIsOpen;

    public override string ToString() => Step == ModelStep.Off ? "off" : $"{Step} attempt {Attempt} applied {AppliedA}/{AppliedB} marker {MarkerA}/{MarkerB}{(HasGap ? " gap" : "")}{(HasDeletions ? " deletions" : "")}{(LostSession ? " lost its session" : "")}";

    private int Get(int at, int width) => (int)((Bits >> at) & ((1u << width) - 1));

    private uint Set(int at, int width, int value) => (Bits & ~(((1u << width) - 1) << at)) | ((uint)value << at);

    private uint Set(int at, int width, bool value) => Set(at, width, value ? 1 : 0);
}
