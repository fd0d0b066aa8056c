using System.Globalization;
using ShardAdmin.Output;

namespace ShardAdmin.Agents;

/// <summary>Writes one line per event: text for people, JSON with <c>-o ndjson</c>.</summary>
internal sealed class AgentLog(AdminOutput output)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, string> _said = new(StringComparer.Ordinal);

    public void Say(string what, string message, Guid? operation = null)
    {
        var at = TimeProvider.System.GetUtcNow();
        var line = string.Create(
            CultureInfo.InvariantCulture, $"{at:yyyy-MM-ddTHH:mm:ss.fffZ} {what}{(operation is { } id ? $" {id}" : "")}: {message}");
        lock (_gate)
            output.WriteEvent(new { at, what, operation, message }, line);
    }

    /// <summary>Logs a problem that lasts: once when it begins, when its text changes, and when it is over.</summary>
    /// <param name="problem">Null: there is no problem.</param>
    public void State(string what, string? problem)
    {
        lock (_gate)
        {
            if (_said.GetValueOrDefault(what) == problem)
                return;
            if (problem is null)
                _said.Remove(what);
            else
                _said[what] = problem;
        }
        Say(what, problem ?? "well again");
    }
}
