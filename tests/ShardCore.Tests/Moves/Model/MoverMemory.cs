namespace ShardCore.Tests.Moves.Model;

/// <summary>What one mover's process remembers; all gone with it.</summary>
internal readonly record struct MoverMemory(uint Bits)
{
    public const int Width = 21;

    public ModelStep Step { get => (ModelStep)Get(0, 5); init => Bits = Set(0, 5, (int)value); }
    public int Attempt { get => Get(5, 3); init => Bits = Set(5, 3, value); }

    // The stream: how far it has been applied, the marker of the freeze, and what has become of it.

    public int AppliedA { get => Get(8, 2); init => Bits = Set(8, 2, value); }
    public int AppliedB { get => Get(10, 2); init => Bits = Set(10, 2, value); }
    public int MarkerA { get => Get(12, 2); init => Bits = Set(12, 2, value); }
    public int MarkerB { get => Get(14, 2); init => Bits = Set(14, 2, value); }

    /// <summary>A change was committed while the publication was gone: a Postgres that only warns leaves it out.</summary>
    public bool HasGap { get => Get(16, 1) == 1; init => Bits = Set(16, 1, value ? 1 : 0); }

    /// <summary>The deletions of cleaning are in the stream.</summary>
    public bool HasDeletions { get => Get(17, 1) == 1; init => Bits = Set(17, 1, value ? 1 : 0); }

    /// <summary>The ring that was read before it is replaced.</summary>
    public int RingSeen { get => Get(18, 3); init => Bits = Set(18, 3, value); }

    /// <summary>From the making of the replication slot until the release is behind it.</summary>
    public bool StreamIsOpen => Step is >= ModelStep.Copy and <= ModelStep.Released;

    /// <summary>The applier works in the background, whatever the mover itself is at.</summary>
    public bool Applies => Step is >= ModelStep.CatchUp and <= ModelStep.Released;

    public override string ToString() => Step == ModelStep.Off ? "off" : $"{Step} attempt {Attempt} applied {AppliedA}/{AppliedB} marker {MarkerA}/{MarkerB}{(HasGap ? " gap" : "")}{(HasDeletions ? " deletions" : "")}";

    private int Get(int at, int width) => (int)((Bits >> at) & ((1u << width) - 1));

    private uint Set(int at, int width, int value) => (Bits & ~(((1u << width) - 1) << at)) | ((uint)value << at);
}
