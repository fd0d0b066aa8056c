using System.Globalization;
using System.Text;
using Microsoft.Extensions.Primitives;
using ShardCore.Ring;
using ShardRouter.Refusals;

namespace ShardRouter.Consistency;

/// <summary>
/// A <see cref="SessionToken"/> as text: <c>1.FLOOR.SLOT@EPOCH….SHARD:TIMELINE:LSN…</c>, as in <c>1.1.5127@4.s1:3:16B3748</c>.
/// The version comes first. <c>?</c> is the place of a write whose commit was not located. Behind <c>~</c> is the place up to which a
/// standby has shown the log, if the primary may not show it yet.
/// A token is not secret and not signed: a client that makes one up asks for other consistency than it had, and for nothing else.
/// </summary>
internal static class SessionTokenText
{
    public const string Header = "Session-Token";

    /// <summary>The limit for all tokens of a request together. There is room for 256 shards with names as people give them.</summary>
    public const int MaxLength = 16 * 1024;

    private const string Version = "1";
    private const char UnknownPlace = '?';
    private const int MaxLsnDigits = 16;

    public static string Write(SessionToken token)
    {
        var text = new StringBuilder(64).Append(CultureInfo.InvariantCulture, $"{Version}.{token.Floor}");
        foreach (var (slot, epoch) in token.Slots)
            text.Append(CultureInfo.InvariantCulture, $".{slot}@{epoch}");
        foreach (var ((shard, timeline), lsn) in token.Places)
        {
            text.Append(CultureInfo.InvariantCulture, $".{shard}:{timeline}:");
            if (lsn == SessionToken.Unknown)
                text.Append(UnknownPlace);
            else
                text.Append(CultureInfo.InvariantCulture, $"{lsn:X}");
            if (token.ShownByStandbys(shard, timeline) is > 0 and var shown)
                text.Append(CultureInfo.InvariantCulture, $"~{shown:X}");
        }
        return text.ToString();
    }

    /// <param name="lines">
    /// The lines of the header. Each may have several tokens with commas between them. All tokens are of one session.
    /// </param>
    /// <returns>One token that knows everything that the tokens know.</returns>
    /// <exception cref="ProblemException">invalid-header.</exception>
    public static SessionToken Read(StringValues lines)
    {
        var length = lines.Sum(line => line?.Length ?? 0);
        if (length > MaxLength)
            throw Refused($"It has {length} characters; at most {MaxLength} are allowed.");
        var all = new SessionToken();
        foreach (var line in lines)
            foreach (var text in (line ?? "").Split(','))
                all.Merge(ReadOne(text.Trim(' ', '\t')));
        return all.Places.Count <= SessionToken.MaxPlaces ? all : throw Refused($"It names more than {SessionToken.MaxPlaces} places.");
    }

    private static SessionToken ReadOne(string text)
    {
        var token = new SessionToken();
        var parts = text.Split('.');
        if (parts[0] != Version)
            throw Refused(parts[0].Length == 0 ? "It is empty." : $"It has to begin with '{Version}.', its version.");
        if (parts.Length < 2 || !TryNumber(parts[1], out var floor) || floor < 1)
            throw Refused("Its second part has to be an epoch.");
        foreach (var part in parts.AsSpan(2))
            Add(token, part);
        token.RaiseFloor(floor);
        return token;
    }

    private static void Add(SessionToken token, string part)
    {
        if (part.Split('@') is [var slot, var epoch])
        {
            if (!TryNumber(slot, out var number) || number >= Slot.Count || !TryNumber(epoch, out var at) || at < 1
                || token.Slots.ContainsKey((int)number))
                throw Refused($"'{Shown(part)}' is not a slot with its epoch, or it appears twice.");
            token.SeeSlot((int)number, at);
        }
        else if (part.Split(':') is [var shard, var timeline, var lsn])
        {
            var places = lsn.Split('~');
            var shown = 0UL;
            if (!ShardId.IsValid(shard) || !TryNumber(timeline, out var line) || line is < 1 or > uint.MaxValue
                || !TryPlace(places[0], out var place)
                || places.Length > 2 || (places.Length == 2 && (!TryLsn(places[1], out shown) || shown == 0 || shown > place))
                || token.Places.ContainsKey((new ShardId(shard), (uint)line)))
                throw Refused($"'{Shown(part)}' is not a place in a shard's log, or it appears twice.");
            token.SeePlace(new ShardId(shard), (uint)line, place);
            if (shown > 0)
                token.SeeAtStandby(new ShardId(shard), (uint)line, shown);
        }
        else
            throw Refused($"'{Shown(part)}' is neither a slot with its epoch nor a place in a shard's log.");
    }

    private static bool TryNumber(string text, out long number) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && (text.Length == 1 || text[0] != '0');

    private static bool TryPlace(string text, out ulong lsn)
    {
        lsn = SessionToken.Unknown;
        return text is [UnknownPlace] || TryLsn(text, out lsn);
    }

    private static bool TryLsn(string text, out ulong lsn)
    {
        lsn = 0;
        return text.Length is > 0 and <= MaxLsnDigits && text.All(char.IsAsciiHexDigitUpper) && !(text.Length > 1 && text[0] == '0')
            && ulong.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out lsn) && lsn != SessionToken.Unknown;
    }

    /// <summary>
    /// A part of the client's token for the error text: short, and without characters that a log or a terminal would act on.
    /// </summary>
    private static string Shown(string part) => new([.. part.Take(40).Select(c => c is > ' ' and < '\x7f' ? c : '_')]);

    private static ProblemException Refused(string why) =>
        new(Problems.InvalidHeader(Header, why + " Send it back as an answer gave it, or go on without it."));
}
