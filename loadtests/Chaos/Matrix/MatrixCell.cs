using ShardCore.Moves.Batches;

namespace Chaos.Matrix;

/// <summary>One step of a move and one fault at this step, written as <c>copy/kill-source</c>.</summary>
internal sealed record MatrixCell(MoveStep Step, MatrixFault Fault)
{
    /// <summary>
    /// At the last step the source has deleted its rows. If the target's standby lags, the mover only comes so far with
    /// <c>--ignore-standbys</c>. When that standby takes over, the rows that it lacks exist nowhere. No command can repair this, so it is
    /// not a cell.
    /// </summary>
    private static readonly MatrixCell Unmendable = new(MoveStep.Finish, MatrixFault.PromoteLaggingTarget);

    public static IReadOnlyList<MatrixCell> All { get; } =
        [.. from step in Enum.GetValues<MoveStep>() from fault in Enum.GetValues<MatrixFault>() let cell = new MatrixCell(step, fault) where cell != Unmendable select cell];

    /// <summary>Whether a standby takes over.</summary>
    public bool Promotes => Fault is MatrixFault.PromoteSource or MatrixFault.PromoteTarget || Lags;

    /// <summary>Whether the standby that takes over had stopped receiving before.</summary>
    public bool Lags => Fault is MatrixFault.PromoteLaggingSource or MatrixFault.PromoteLaggingTarget;

    /// <summary>Whether the fault is at the move's source.</summary>
    public bool IsAtSource => Fault is MatrixFault.KillSource or MatrixFault.PromoteSource or MatrixFault.PromoteLaggingSource;

    public static string NameOf(MoveStep step) => step.ToString().ToLowerInvariant();

    public static string NameOf(MatrixFault fault) => fault switch
    {
        MatrixFault.KillMover => "kill-mover",
        MatrixFault.TakeOver => "take-over",
        MatrixFault.KillSource => "kill-source",
        MatrixFault.KillTarget => "kill-target",
        MatrixFault.PromoteSource => "promote-source",
        MatrixFault.PromoteTarget => "promote-target",
        MatrixFault.PromoteLaggingSource => "promote-lagging-source",
        MatrixFault.PromoteLaggingTarget => "promote-lagging-target",
        _ => "flush-redis",
    };

    /// <param name="pattern"><c>step/fault</c>; each part may be <c>*</c> or missing.</param>
    public static IReadOnlyList<MatrixCell> Matching(string pattern)
    {
        var parts = pattern.Split('/');
        return [.. All.Where(cell => Fits(parts[0], NameOf(cell.Step)) && Fits(parts.ElementAtOrDefault(1), NameOf(cell.Fault)))];
    }

    public override string ToString() => $"{NameOf(Step)}/{NameOf(Fault)}";

    private static bool Fits(string? wanted, string name) => wanted is null or "" or "*" || wanted == name;
}
