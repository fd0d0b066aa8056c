using System.Text.RegularExpressions;
using Chaos.Faults;

namespace Chaos.Cluster;

/// <summary>Acts like a person after a shard lost commits: settles the disputes about its slots, then accepts the loss.</summary>
internal sealed partial class LossAcceptance(ChaosStage stage, string shard)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>Tries until it succeeds or is cancelled, because other faults may disturb it for a while.</summary>
    /// <returns>True: the loss was accepted, or nobody noticed a loss.</returns>
    public async Task<bool> TryAsync(CancellationToken cancellation)
    {
        try
        {
            while (!await StepAsync(cancellation))
                await Task.Delay(Pause, cancellation);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private async Task<bool> StepAsync(CancellationToken cancellation)
    {
        var accepted = await stage.AdminAsync(cancellation, "accept-loss", shard, "--yes", "-o", "json");
        if (accepted.IsDone)
            return true;
        if (Disputed().Match(accepted.Errors) is { Success: true } disputed)
            await stage.AdminAsync(cancellation, "ops", "settle", OperationOf(accepted), "--keep", disputed.Groups["target"].Value == shard ? "source" : "target", "--yes");
        else if (accepted.Errors.Contains("ops resume", StringComparison.Ordinal))
            await stage.AdminAsync(cancellation, "ops", "resume");
        return false;
    }

    private static string OperationOf(AdminResult result) => Operation().Match(result.Errors).Groups["id"].Value;

    [GeneratedRegex("A batch from (?<source>s[0-9]) to (?<target>s[0-9]) is disputed", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Disputed();

    [GeneratedRegex("ops settle (?<id>[0-9a-f-]{36})", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Operation();
}
