using System.Globalization;
using System.Runtime.InteropServices;
using ShardCore.Moves;
using ShardCore.Moves.Batches;

namespace ShardCore.Tests.Moves.Model;

/// <summary>
/// One state of the world, for one batch of one slot: what stands in the two databases and in Redis, and what each process
/// remembers. Five words, because a search holds millions of them.
/// </summary>
/// <remarks>
/// The slot has two rows. A write has a number and makes of its row what the number says (<see cref="Rows"/>), so the number of the last
/// write of a row says all about it at the source; the change stream is the same numbers counted up.
/// </remarks>
/// <param name="AtSource">What the source's database stores; a standby of the source has an earlier value of this word.</param>
/// <param name="AtTarget">What the target's database stores.</param>
/// <param name="Outside">Redis, what users count on, writers, canceller and person.</param>
/// <param name="Movers">Program counters and memories of two movers.</param>
/// <param name="Image">What a standby or a backup has of one shard; <see cref="Loss"/> says of which.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct ModelState(ulong AtSource, ulong AtTarget, ulong Outside, ulong Movers, ulong Image)
{
    private const int ProcessesAt = 34;

    // The source: the journal row, the slot's ownership, its rows, the publications.

    /// <summary>Null: no such row in the journal.</summary>
    public MovePhase? Phase
    {
        get => Get(AtSource, 0, 4) is var code and > 0 ? (MovePhase)(code - 1) : null;
        init => AtSource = Set(AtSource, 0, 4, value is { } phase ? (int)phase + 1 : 0);
    }
    public int Attempt { get => Get(AtSource, 4, 3); init => AtSource = Set(AtSource, 4, 3, value); }
    /// <summary>The freeze's deadline has passed.</summary>
    public bool Expired { get => Get(AtSource, 7, 1) == 1; init => AtSource = Set(AtSource, 7, 1, value); }
    public SlotState Source { get => (SlotState)Get(AtSource, 8, 3); init => AtSource = Set(AtSource, 8, 3, (int)value); }
    /// <summary>The ownership row names this move.</summary>
    public bool Held { get => Get(AtSource, 11, 1) == 1; init => AtSource = Set(AtSource, 11, 1, value); }
    /// <summary>Of the slot; while the slot is released by the batch, the batch's too.</summary>
    public int SourceEpoch { get => Get(AtSource, 12, 3); init => AtSource = Set(AtSource, 12, 3, value); }
    /// <summary>The number of the first row's last write here.</summary>
    public int SourceA { get => Get(AtSource, 15, 2); init => AtSource = Set(AtSource, 15, 2, value); }
    public int SourceB { get => Get(AtSource, 17, 2); init => AtSource = Set(AtSource, 17, 2, value); }
    /// <summary>The source's rows have been deleted by the move.</summary>
    public bool Cleaned { get => Get(AtSource, 19, 1) == 1; init => AtSource = Set(AtSource, 19, 1, value); }
    /// <summary>A bit for each attempt's publication.</summary>
    public int Publications { get => Get(AtSource, 20, 8); init => AtSource = Set(AtSource, 20, 8, value); }
    /// <summary>
    /// What the journal keeps of the target's seal; 0: it has none. Once the target owns it matters only that there is one: 1.
    /// </summary>
    public int SourceSeal { get => Get(AtSource, 28, 5); init => AtSource = Set(AtSource, 28, 5, value); }
    public bool Disputed { get => Get(AtSource, 33, 1) == 1; init => AtSource = Set(AtSource, 33, 1, value); }
    /// <summary>A person said that the target's copy is right.</summary>
    public bool Settled { get => Get(AtSource, 34, 1) == 1; init => AtSource = Set(AtSource, 34, 1, value); }

    public int SourceRow(int row) => Cleaned ? Rows.Absent : Rows.Of(row, row == 0 ? SourceA : SourceB);

    public int RowsAtSource => (SourceRow(0) == Rows.Absent ? 0 : 1) + (SourceRow(1) == Rows.Absent ? 0 : 1);

    // The target: the import, its end, the slot's ownership, its rows.

    /// <summary>The attempt of sharding.move_import; 0: there is none.</summary>
    public int Import { get => Get(AtTarget, 0, 3); init => AtTarget = Set(AtTarget, 0, 3, value); }
    /// <summary>0: none, and also once the target owns, as it does not matter any more.</summary>
    public int TargetSeal { get => Get(AtTarget, 3, 5); init => AtTarget = Set(AtTarget, 3, 5, value); }
    /// <summary>move_import.owned_epoch; 0: none.</summary>
    public int OwnedEpoch { get => Get(AtTarget, 8, 3); init => AtTarget = Set(AtTarget, 8, 3, value); }
    public bool Compared { get => Get(AtTarget, 11, 1) == 1; init => AtTarget = Set(AtTarget, 11, 1, value); }
    /// <summary>The last attempt of an import that is over; 0: none is.</summary>
    public int ImportOver { get => Get(AtTarget, 12, 3); init => AtTarget = Set(AtTarget, 12, 3, value); }
    public int OverOwnedEpoch { get => Get(AtTarget, 15, 3); init => AtTarget = Set(AtTarget, 15, 3, value); }
    public bool OverCompared { get => Get(AtTarget, 18, 1) == 1; init => AtTarget = Set(AtTarget, 18, 1, value); }
    public SlotState Target { get => (SlotState)Get(AtTarget, 19, 3); init => AtTarget = Set(AtTarget, 19, 3, (int)value); }
    /// <summary>The slot is owned and still has its peer: writers keep what they change.</summary>
    public bool Uncompared { get => Get(AtTarget, 22, 1) == 1; init => AtTarget = Set(AtTarget, 22, 1, value); }
    public int TargetEpoch { get => Get(AtTarget, 23, 3); init => AtTarget = Set(AtTarget, 23, 3, value); }
    /// <summary>As <see cref="Rows.Of"/>, or <see cref="Rows.Residue"/>.</summary>
    public int TargetA { get => Get(AtTarget, 26, 2); init => AtTarget = Set(AtTarget, 26, 2, value); }
    public int TargetB { get => Get(AtTarget, 28, 2); init => AtTarget = Set(AtTarget, 28, 2, value); }
    /// <summary>sharding.before_image of the row: 0 none, else its content plus 1.</summary>
    public int KeptA { get => Get(AtTarget, 30, 3); init => AtTarget = Set(AtTarget, 30, 3, value); }
    public int KeptB { get => Get(AtTarget, 33, 3); init => AtTarget = Set(AtTarget, 33, 3, value); }

    public int TargetRow(int row) => row == 0 ? TargetA : TargetB;

    /// <summary>The target's row as of the hand-over.</summary>
    public int GivenRow(int row) => (row == 0 ? KeptA : KeptB) is var kept and > 0 ? kept - 1 : TargetRow(row);

    // Redis.

    public bool RingSaysTarget { get => Get(Outside, 0, 1) == 1; init => Outside = Set(Outside, 0, 1, value); }
    public int RingEpoch { get => Get(Outside, 1, 3); init => Outside = Set(Outside, 1, 3, value); }
    /// <summary>The highest that ever was: the next is above it, whatever Redis was set back to.</summary>
    public int TopEpoch { get => Get(Outside, 4, 3); init => Outside = Set(Outside, 4, 3, value); }
    public bool WasSetBack { get => Get(Outside, 7, 1) == 1; init => Outside = Set(Outside, 7, 1, value); }

    // What users count on, and what befell it.

    /// <summary>The content that the owner has to serve.</summary>
    public int MustA { get => Get(Outside, 8, 2); init => Outside = Set(Outside, 8, 2, value); }
    public int MustB { get => Get(Outside, 10, 2); init => Outside = Set(Outside, 10, 2, value); }
    /// <summary>A content that the source lost and the target may have all the same: 0 none, else the content plus 1.</summary>
    public int LostA { get => Get(Outside, 12, 3); init => Outside = Set(Outside, 12, 3, value); }
    public int LostB { get => Get(Outside, 15, 3); init => Outside = Set(Outside, 15, 3, value); }
    /// <summary>The number of the last write that was acknowledged anywhere: no number is used twice.</summary>
    public int UsedA { get => Get(Outside, 18, 2); init => Outside = Set(Outside, 18, 2, value); }
    public int UsedB { get => Get(Outside, 20, 2); init => Outside = Set(Outside, 20, 2, value); }
    /// <summary>The source lost a release by which the target can still come to own, or owns.</summary>
    public bool LostRelease { get => Get(Outside, 22, 1) == 1; init => Outside = Set(Outside, 22, 1, value); }
    /// <summary>A bit for each row: the source took a write after it lost its release.</summary>
    public int Strays { get => Get(Outside, 23, 2); init => Outside = Set(Outside, 23, 2, value); }
    /// <summary>A bit for each row that somebody deleted at the target by hand.</summary>
    public int Damaged { get => Get(Outside, 25, 2); init => Outside = Set(Outside, 25, 2, value); }
    public bool WasDamaged { get => Get(Outside, 27, 1) == 1; init => Outside = Set(Outside, 27, 1, value); }
    public Loss Loss { get => (Loss)Get(Outside, 28, 3); init => Outside = Set(Outside, 28, 3, (int)value); }
    public bool WentBack { get => Get(Outside, 31, 1) == 1; init => Outside = Set(Outside, 31, 1, value); }
    /// <summary>By a person's word the source owns again.</summary>
    public bool TakenBack { get => Get(Outside, 32, 1) == 1; init => Outside = Set(Outside, 32, 1, value); }
    /// <summary>Rows that nobody else has were deleted.</summary>
    public bool LastCopyIsGone { get => Get(Outside, 33, 1) == 1; init => Outside = Set(Outside, 33, 1, value); }

    // Processes.

    public CancellerStep CancellerStep { get => (CancellerStep)Get(Outside, 40, 4); init => Outside = Set(Outside, 40, 4, (int)value); }
    /// <summary>Before <see cref="Model.CancellerStep.Begin"/> the last attempt that the target knew.</summary>
    public int CancellerAttempt { get => Get(Outside, 44, 3); init => Outside = Set(Outside, 44, 3, value); }
    public int CancellerEpoch { get => Get(Outside, 47, 3); init => Outside = Set(Outside, 47, 3, value); }
    /// <summary>Its attempt was begun before the source lost commits.</summary>
    public bool CancellerIsOver { get => Get(Outside, 60, 1) == 1; init => Outside = Set(Outside, 60, 1, value); }
    /// <summary>Somebody makes a backup point: steps that rest on another shard's wait. A lock of sessions, so it stands in no
    /// database.</summary>
    public bool HandOversHeld { get => Get(Outside, 61, 1) == 1; init => Outside = Set(Outside, 61, 1, value); }
    public PersonStep PersonStep { get => (PersonStep)Get(Outside, 50, 4); init => Outside = Set(Outside, 50, 4, (int)value); }
    public int PersonAttempt { get => Get(Outside, 54, 3); init => Outside = Set(Outside, 54, 3, value); }
    public int PersonEpoch { get => Get(Outside, 57, 3); init => Outside = Set(Outside, 57, 3, value); }

    public MoverMemory Mover(int mover) => new((uint)Get(Movers, mover * MoverMemory.Width, MoverMemory.Width));

    public ModelState With(int mover, MoverMemory memory) =>
        this with { Movers = Set(Movers, mover * MoverMemory.Width, MoverMemory.Width, (int)memory.Bits) };

    /// <summary>Its process is gone, and with it what it remembered.</summary>
    public ModelState WithDead(int mover) => With(mover, new MoverMemory(0));

    /// <summary>The mover comes to its next step, and remembers what it did before.</summary>
    public ModelState Go(int mover, ModelStep step) => With(mover, Mover(mover) with { Step = step });

    /// <summary>Writer 0 writes row A, writer 1 row B.</summary>
    public WriterStep Writer(int writer) => (WriterStep)Get(Outside, ProcessesAt + writer * 3, 3);

    public ModelState With(int writer, WriterStep step) => this with { Outside = Set(Outside, ProcessesAt + writer * 3, 3, (int)step) };

    /// <summary>The same with all processes dead, and nothing more to be lost.</summary>
    public ModelState WithoutProcesses => this with
    {
        Movers = 0,
        Image = 0,
        Outside = Outside & ((1UL << ProcessesAt) - 1),
        Loss = Loss is Loss.ImageOfSource or Loss.ImageOfTarget ? Loss.None : Loss,
    };

    /// <summary>A writer's transaction that thaws holds the journal's row until it ends.</summary>
    public bool JournalRowIsLocked => Writer(0) == WriterStep.OpenThawing || Writer(1) == WriterStep.OpenThawing;

    /// <summary>Two movers are alike, so of two states that differ only by their names one is enough.</summary>
    public ModelState Canonical => Mover(0).Bits >= Mover(1).Bits ? this : With(0, Mover(1)).With(1, Mover(0));

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"""
        source {Source}{(Held ? " held" : "")} epoch {SourceEpoch} writes {SourceA}/{SourceB}{(Cleaned ? " cleaned" : "")},
          journal {Phase?.ToString() ?? "none"} attempt {Attempt}{(Expired ? " expired" : "")} seal {SourceSeal}{(Disputed ? " disputed" : "")}{(Settled ? " settled" : "")}, publications {Publications:b};
        target {Target}{(Uncompared ? " uncompared" : "")} epoch {TargetEpoch} rows {TargetA}/{TargetB} kept {KeptA}/{KeptB},
          import {Import} seal {TargetSeal} owned {OwnedEpoch}{(Compared ? " compared" : "")}, over {ImportOver} owned {OverOwnedEpoch}{(OverCompared ? " compared" : "")};
        ring {(RingSaysTarget ? "target" : "source")} {RingEpoch}; must {MustA}/{MustB} used {UsedA}/{UsedB} lost {LostA}/{LostB} strays {Strays:b} damaged {Damaged:b}
          {Loss}{(LostRelease ? " lost its release" : "")}{(LastCopyIsGone ? " last copy gone" : "")};
        movers {Mover(0)} | {Mover(1)}; writers {Writer(0)} {Writer(1)}; canceller {CancellerStep} {CancellerAttempt}; person {PersonStep} {PersonAttempt}
        """);

    private static int Get(ulong word, int at, int width) => (int)((word >> at) & ((1UL << width) - 1));

    private static ulong Set(ulong word, int at, int width, int value) =>
        (word & ~(((1UL << width) - 1) << at)) | ((ulong)(uint)value << at);

    private static ulong Set(ulong word, int at, int width, bool value) => Set(word, at, width, value ? 1 : 0);
}
