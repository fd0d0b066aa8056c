using System.Text.RegularExpressions;

namespace Fuzz.Making;

/// <summary>What earlier answers gave, to be sent back: versions, cursors and tokens that are right, or were for another item.</summary>
internal sealed partial class Harvest
{
    private const int Kept = 64;

    private readonly Lock _gate = new();
    private readonly List<string> _etags = ["\"1\""];
    private readonly List<string> _cursors = ["x"];
    private readonly List<string> _tokens = ["1.1.s1:1:1"];

    public string ETag(Chance chance) => One(_etags, chance);

    public string Cursor(Chance chance) => One(_cursors, chance);

    public string Token(Chance chance) => One(_tokens, chance);

    public void Gather(string answer)
    {
        Keep(_etags, ETagHeader().Match(answer));
        Keep(_cursors, NextMember().Match(answer));
        Keep(_tokens, TokenHeader().Match(answer));
    }

    private string One(List<string> from, Chance chance)
    {
        lock (_gate)
            return chance.Of(from);
    }

    private void Keep(List<string> into, Match found)
    {
        if (!found.Success)
            return;
        lock (_gate)
        {
            into.Add(found.Groups["value"].Value);
            if (into.Count > Kept)
                into.RemoveAt(0);
        }
    }

    [GeneratedRegex("^etag: (?<value>\"[0-9]+\")", RegexOptions.ExplicitCapture | RegexOptions.IgnoreCase | RegexOptions.Multiline, 1000)]
    private static partial Regex ETagHeader();

    [GeneratedRegex("\"next\":\"(?<value>[A-Za-z0-9_-]+)\"", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex NextMember();

    [GeneratedRegex("^session-token: (?<value>[^\r\n]+)", RegexOptions.ExplicitCapture | RegexOptions.IgnoreCase | RegexOptions.Multiline, 1000)]
    private static partial Regex TokenHeader();
}
