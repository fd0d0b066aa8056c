using System.Globalization;

namespace Chaos.Faults;

/// <summary>The fault of a mover while it works.</summary>
/// <param name="Kind">none · kill · sleep · sleep-takeover · failpoint</param>
/// <param name="After">The time from its first line about a batch to the signal.</param>
/// <param name="Sleep">The time from SIGSTOP to SIGCONT: longer than the freeze deadline of 2 s.</param>
/// <param name="Failpoint">Null: none.</param>
internal sealed record MoverFate(string Kind, TimeSpan After, TimeSpan Sleep, string? Failpoint)
{
    public const string Nothing = "none", Kill = "kill", Sleeps = "sleep", TakenOver = "sleep-takeover", AtFailpoint = "failpoint";

    public override string ToString() => Kind switch
    {
        Kill => string.Create(CultureInfo.InvariantCulture, $", kill -9 after {After.TotalSeconds:0.0} s"),
        Sleeps => string.Create(CultureInfo.InvariantCulture, $", SIGSTOP after {After.TotalSeconds:0.0} s for {Sleep.TotalSeconds:0.0} s"),
        TakenOver => string.Create(CultureInfo.InvariantCulture, $", SIGSTOP after {After.TotalSeconds:0.0} s for {Sleep.TotalSeconds:0.0} s and taken over"),
        AtFailpoint => $", {Failpoint}",
        _ => "",
    };
}
