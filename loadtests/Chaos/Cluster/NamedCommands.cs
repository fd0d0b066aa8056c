using System.Text.Json;
using System.Text.RegularExpressions;
using LoadTests.Chaos.Faults;

namespace LoadTests.Chaos.Cluster;

/// <summary>
/// Does what shardadmin names, as a person would who reads it: the next command of an error, and what doctor says that mends.
/// </summary>
/// <param name="keep">source or target: which copy of a disputed batch is right.</param>
internal sealed partial class NamedCommands(ChaosStage stage, string keep)
{
    private const int MaxRounds = 3;

    /// <summary>Carries on what is unfinished; where that is disputed, settles it.</summary>
    /// <returns>How the commands ended.</returns>
    public async Task<string> ResumeAsync(CancellationToken cancellation)
    {
        var resumed = await stage.AdminAsync(cancellation, "ops", "resume", "-o", "json");
        if (resumed.ExitCode != AdminResult.Differences)
            return resumed.ToString();
        // The error names the command, or sends to doctor, which does.
        var named = NextOf(resumed) is { } next && ArgumentsOf(next, keep) is { } settling
            ? [settling]
            : NamedBy(await DoctorAsync(cancellation));
        return $"{resumed}\n{string.Join('\n', await RunAllAsync(named, cancellation))}";
    }

    /// <summary>Asks doctor until it names nothing any more.</summary>
    /// <returns>What it still named in the end; null: nothing.</returns>
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

    /// <returns>Of the command in <paramref name="text"/>; null: it names none that changes something.</returns>
    internal static string[]? ArgumentsOf(string text, string keep)
    {
        if (Command().Match(text) is not { Success: true } match)
            return null;
        var words = match.Groups["arguments"].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words is [] or ["doctor" or "status" or "verify" or "routers", ..] or ["ring", "show", ..])
            return null;
        // It may name both ways out; which one is right a person decides.
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
            return null; // it ended before it could say anything
        }
    }

    [GeneratedRegex("shardadmin (?<arguments>[^;()]+)", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Command();
}
