namespace ShardCore.Tests.Moves.Model;

/// <summary>How far the one loss of commits of a run has come.</summary>
internal enum Loss
{
    None,

    /// <summary>Something has an earlier state of the source: a standby that receives nothing any more, or a backup.</summary>
    ImageOfSource,
    ImageOfTarget,

    /// <summary>The earlier state is the source now.</summary>
    SourceTookOver,
    TargetTookOver,
}
