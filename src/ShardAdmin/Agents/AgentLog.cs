using System.Globalization;
using ShardAdmin.Output;

namespace ShardAdmin.Agents;

/// <summary>One line an event: text for people, JSON with <c>-o ndjson</c>.</summary>
internal sealed class AgentLog(AdminOutput output)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, string> _said = new(StringComparer.Ordinal);

    public void Say(string what, string message, Guid? operation = null)
    {
        var at = TimeProvider.System.GetUtcNow();
        var line = string.Create(CultureInfo.InvariantCulture, $"{at:yyyy-MM-ddTHH:mm:ss.fffZ} {what}{(operation is { } id ? $" {id}" : "")}: {message}");
        lock (_gate)
            output.WriteEvent(new { at, what, operation, message }, line);
    }

    /// <summary>A state of things: told when it begins, when it changes, and when it is over.</summary>
    /// <param name="problem">Null: all is well.</param>
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
