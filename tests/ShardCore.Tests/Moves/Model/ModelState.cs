using System.Globalization;
using System.Runtime.InteropServices;
using ShardCore.Moves;

namespace ShardCore.Tests.Moves.Model;

/// <summary>
/// One state of the world, for one batch of one slot: what stands in the two databases and in Redis, and what each process
/// remembers. Two words, because a search holds millions of them.
/// </summary>
/// <remarks>
/// The slot has two rows. A row's history is fixed (<see cref="Rows"/>), so how many of its writes have been committed says
/// all about it; the change stream is the same numbers counted up.
/// </remarks>
/// <param name="Stored">What survives every crash: the part of it that databases and Redis keep.</param>
/// <param name="Running">Movers, writers and canceller: program counters and memories.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct ModelState(ulong Stored, ulong Running)
{
    // The source: the journal row, the slot's ownership, its rows, the publications.

    /// <summary>Null: no such row in the journal.</summary>
    public MovePhase? Phase { get => Get(Stored, 0, 4) is var code and > 0 ? (MovePhase)(code - 1) : null; init => Stored = Set(Stored, 0, 4, value is { } phase ? (int)phase + 1 : 0); }
    public int Attempt { get => Get(Stored, 4, 3); init => Stored = Set(Stored, 4, 3, value); }
    /// <summary>The freeze's deadline has passed.</summary>
    public bool Expired { get => Get(Stored, 7, 1) == 1; init => Stored = Set(Stored, 7, 1, value); }
    public SlotState Source { get => (SlotState)Get(Stored, 8, 3); init => Stored = Set(Stored, 8, 3, (int)value); }
    /// <summary>The ownership row names this move.</summary>
    public bool Held { get => Get(Stored, 11, 1) == 1; init => Stored = Set(Stored, 11, 1, value); }
    public int SourceEpoch { get => Get(Stored, 12, 2); init => Stored = Set(Stored, 12, 2, value); }
    /// <summary>How many of the first row's writes the source has.</summary>
    public int SourceA { get => Get(Stored, 14, 2); init => Stored = Set(Stored, 14, 2, value); }
    public int SourceB { get => Get(Stored, 16, 2); init => Stored = Set(Stored, 16, 2, value); }
    /// <summary>The source's rows have been deleted by the move.</summary>
    public bool Cleaned { get => Get(Stored, 18, 1) == 1; init => Stored = Set(Stored, 18, 1, value); }
    public int RowsAtSource => Cleaned ? 0 : (Rows.Of(0, SourceA) == Rows.Absent ? 0 : 1) + (Rows.Of(1, SourceB) == Rows.Absent ? 0 : 1);
    /// <summary>A bit for each attempt's publication.</summary>
    public int Publications { get => Get(Stored, 19, 6); init => Stored = Set(Stored, 19, 6, value); }

    // The target: the import, its end, the slot's ownership, its rows.

    /// <summary>0: no import is known.</summary>
    public int Import { get => Get(Stored, 25, 3); init => Stored = Set(Stored, 25, 3, value); }
    /// <summary>The last attempt of an import that is over; 0: none is.</summary>
    public int ImportOver { get => Get(Stored, 28, 3); init => Stored = Set(Stored, 28, 3, value); }
    public SlotState Target { get => (SlotState)Get(Stored, 31, 3); init => Stored = Set(Stored, 31, 3, (int)value); }
    public int TargetEpoch { get => Get(Stored, 34, 2); init => Stored = Set(Stored, 34, 2, value); }
    /// <summary>As <see cref="Rows.Of"/>, or <see cref="Rows.Residue"/>.</summary>
    public int TargetA { get => Get(Stored, 36, 2); init => Stored = Set(Stored, 36, 2, value); }
    public int TargetB { get => Get(Stored, 38, 2); init => Stored = Set(Stored, 38, 2, value); }

    // Redis.

    public bool RingSaysTarget { get => Get(Stored, 40, 1) == 1; init => Stored = Set(Stored, 40, 1, value); }
    public int RingEpoch { get => Get(Stored, 41, 3); init => Stored = Set(Stored, 41, 3, value); }
    /// <summary>The highest that ever was: the next is above it, whatever Redis was set back to.</summary>
    public int TopEpoch { get => Get(Stored, 44, 3); init => Stored = Set(Stored, 44, 3, value); }
    public bool WasSetBack { get => Get(Stored, 47, 1) == 1; init => Stored = Set(Stored, 47, 1, value); }

    // What everybody outside counts on: the writes that were acknowledged, wherever.

    public int AcknowledgedA { get => Get(Stored, 48, 2); init => Stored = Set(Stored, 48, 2, value); }
    public int AcknowledgedB { get => Get(Stored, 50, 2); init => Stored = Set(Stored, 50, 2, value); }
    public bool WentBack { get => Get(Stored, 52, 1) == 1; init => Stored = Set(Stored, 52, 1, value); }

    // Processes.

    public CancellerStep CancellerStep { get => (CancellerStep)Get(Running, 58, 3); init => Running = Set(Running, 58, 3, (int)value); }
    public int CancellerAttempt { get => Get(Running, 61, 3); init => Running = Set(Running, 61, 3, value); }

    public MoverMemory Mover(int mover) => new((uint)Get(Running, mover * MoverMemory.Width, MoverMemory.Width));

    public ModelState With(int mover, MoverMemory memory) => this with { Running = Set(Running, mover * MoverMemory.Width, MoverMemory.Width, (int)memory.Bits) };

    /// <summary>Its process is gone, and with it what it remembered.</summary>
    public ModelState WithDead(int mover) => With(mover, new MoverMemory(0));

    /// <summary>The mover comes to its next step, and remembers what it did before.</summary>
    public ModelState Go(int mover, ModelStep step) => With(mover, Mover(mover) with { Step = step });

    /// <summary>Writer 0 writes row A, writer 1 row B.</summary>
    public WriterStep Writer(int writer) => (WriterStep)Get(Running, 52 + writer * 3, 3);

    public ModelState With(int writer, WriterStep step) => this with { Running = Set(Running, 52 + writer * 3, 3, (int)step) };

    /// <summary>The same with all processes dead.</summary>
    public ModelState WithoutProcesses => this with { Running = 0 };

    /// <summary>A writer's transaction that thaws holds the journal's row until it ends.</summary>
    public bool JournalRowIsLocked => Writer(0) == WriterStep.OpenThawing || Writer(1) == WriterStep.OpenThawing;

    /// <summary>Two movers are alike, so of two states that differ only by their names one is enough.</summary>
    public ModelState Canonical => Mover(0).Bits >= Mover(1).Bits ? this : With(0, Mover(1)).With(1, Mover(0));

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"source {Source}{(Held ? " held" : "")} epoch {SourceEpoch} rows {SourceA}/{SourceB}{(Cleaned ? " cleaned" : "")}, journal {Phase?.ToString() ?? "none"} attempt {Attempt}{(Expired ? " expired" : "")}, publications {Publications:b}; target {Target} epoch {TargetEpoch} rows {TargetA}/{TargetB}, import {Import} over {ImportOver}; ring {(RingSaysTarget ? "target" : "source")} {RingEpoch}; acknowledged {AcknowledgedA}/{AcknowledgedB}; movers {Mover(0)} | {Mover(1)}; writers {Writer(0)} {Writer(1)}; canceller {CancellerStep} {CancellerAttempt}");

    private static int Get(ulong word, int at, int width) => (int)((word >> at) & ((1UL << width) - 1));

    private static ulong Set(ulong word, int at, int width, int value) => (word & ~(((1UL << width) - 1) << at)) | ((ulong)value << at);

    private static ulong Set(ulong word, int at, int width, bool value) => Set(word, at, width, value ? 1 : 0);
}
