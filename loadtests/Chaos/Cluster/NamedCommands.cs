using System.Text.Json;
using System.Text.RegularExpressions;
using Chaos.Faults;

namespace Chaos.Cluster;

/// <summary>
/// Runs the commands that shardadmin names, like a person who reads its output: the next command of an error, and the remedies of doctor.
/// </summary>
/// <param name="keep">The right copy of a disputed batch: source or target.</param>
internal sealed partial class NamedCommands(ChaosStage stage, string keep)
{
    private const int MaxRounds = 3;

    /// <summary>Continues unfinished operations, and settles disputed ones.</summary>
    /// <returns>The results of the commands.</returns>
    public async Task<string> ResumeAsync(CancellationToken cancellation)
    {
        var resumed = await stage.AdminAsync(cancellation, "ops", "resume", "-o", "json");
        if (resumed.ExitCode != AdminResult.Differences)
            return resumed.ToString();
        // The error names the command, or it names doctor, which names the command.
        var named = NextOf(resumed) is { } next && ArgumentsOf(next, keep) is { } settling
            ? [settling]
            : NamedBy(await DoctorAsync(cancellation));
        return $"{resumed}\n{string.Join('\n', await RunAllAsync(named, cancellation))}";
    }

    /// <summary>Runs doctor and its remedies until it names none any more.</summary>
    /// <returns>The remedies that doctor still names at the end; null: none.</returns>
    public async Task<string?> MendAsync(CancellationToken cancellation)
    {
        var ran = new List<AdminResult>();
        for (var round = 0; round <= MaxRounds; round++)
        {
            var doctor = await DoctorAsync(cancellation);
            var named = NamedBy(doctor);
            if (named.Count == 0)
                return null;
            if (round == MaxRounds)
                return $"doctor still names after {MaxRounds} rounds:\n{doctor}\n{string.Join('\n', ran)}";
            ran.AddRange(await RunAllAsync(named, cancellation));
        }
        return null;
    }

    private Task<AdminResult> DoctorAsync(CancellationToken cancellation) => stage.AdminAsync(cancellation, "doctor", "-o", "json");

    private IReadOnlyList<string[]> NamedBy(AdminResult doctor) =>
        [.. MendsOf(doctor).SelectMany(mend => mend.Split(';')).Select(text => ArgumentsOf(text, keep)).OfType<string[]>()];

    private async Task<IReadOnlyList<AdminResult>> RunAllAsync(IReadOnlyList<string[]> commands, CancellationToken cancellation)
    {
        var results = new List<AdminResult>();
        foreach (var arguments in commands)
        {
            stage.Log.Tell("named", $"shardadmin {string.Join(' ', arguments)}");
            results.Add(await stage.AdminAsync(cancellation, arguments));
        }
        return results;
    }

    /// <returns>The arguments of the command in <paramref name="text"/>; null: it names no command that changes something.</returns>
    internal static string[]? ArgumentsOf(string text, string keep)
    {
        if (Command().Match(text) is not { Success: true } match)
            return null;
        var words = match.Groups["arguments"].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words is [] or ["doctor" or "status" or "verify" or "routers", ..] or ["ring", "show", ..])
            return null;
        // The text may name both choices; a person decides which one is right.
        if (words is ["ops", "settle", var id, ..])
            return ["ops", "settle", id, "--keep", keep, "--yes"];
        return words.Contains("--yes") ? words : [.. words, "--yes"];
    }

    private static string? NextOf(AdminResult result)
    {
        using var document = Parse(result.Errors.Split('\n').LastOrDefault(line => line.StartsWith('{')) ?? "");
        return document?.RootElement.GetProperty("error").GetProperty("next").GetString();
    }

    private static IReadOnlyList<string> MendsOf(AdminResult doctor)
    {
        using var document = Parse(doctor.Output);
        return document is null ? [] :
        [
            .. document.RootElement.GetProperty("checks").EnumerateArray()
                .Where(check => check.GetProperty("level").GetString() != "ok")
                .Select(check => check.GetProperty("mend").GetString() ?? ""),
        ];
    }

    private static JsonDocument? Parse(string text)
    {
        try
        {
            return JsonDocument.Parse(text);
        }
        catch (JsonException)
        {
            return null; // it ended without any output
        }
    }

    [GeneratedRegex("shardadmin (?<arguments>[^;()]+)", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Command();
}
