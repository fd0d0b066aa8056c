using System.Globalization;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using ShardRouter.Keys;
using ShardRouter.Refusals;

namespace ShardRouter.Tests.Keys;

public sealed class RawTargetProperties
{
    [Fact]
    public void Every_key_of_up_to_1024_bytes_survives_any_spelling() => Prop.ForAll(
        ArbMap.Default.ArbFor<NonNull<string>>(), ArbMap.Default.ArbFor<int>(),
        (text, seed) =>
        {
            var key = Usable(text.Get);
            return RawTarget.DecodeKey(Spell(key, new Random(seed)), "pk") == key;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Decoding_any_text_gives_a_key_whose_bytes_say_the_same_or_a_refusal() => Prop.ForAll(
        Gen.Elements("%", "%2", "%2F", "%25", "a", "2F", "%C3", "%A9", "%ED", "%A0", "%80", "%00", "é", "/", "+").ListOf().Select(parts => string.Concat(parts)).ToArbitrary(),
        segment =>
        {
            try
            {
                var key = RawTarget.DecodeKey(segment, "pk");
                return RawTarget.DecodeKey(Spell(key, new Random(1)), "pk") == key && Oracle(segment).AsSpan().SequenceEqual(Encoding.UTF8.GetBytes(key));
            }
            catch (ProblemException e)
            {
                return e.Problem is { Status: 400, Code: "invalid-key" };
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000));

    /// <summary>Percent-decoding, written the slow way.</summary>
    private static byte[] Oracle(string segment)
    {
        var bytes = new List<byte>();
        for (var rest = segment; rest.Length > 0;)
        {
            var isEscape = rest[0] == '%';
            bytes.Add(isEscape ? Convert.ToByte(rest.Substring(1, 2), 16) : (byte)rest[0]);
            rest = rest[(isEscape ? 3 : 1)..];
        }
        return [.. bytes];
    }

    /// <summary>The longest beginning that a key may have, made of whole characters; "k" if nothing is left.</summary>
    private static string Usable(string text)
    {
        var key = new StringBuilder();
        var bytes = 0;
        foreach (var rune in text.EnumerateRunes())
            if (rune.Value != 0 && (bytes += rune.Utf8SequenceLength) <= RawTarget.MaxKeyBytes)
                key.Append(rune);
        return key.Length == 0 ? "k" : key.ToString();
    }

    /// <summary>Encodes what must be encoded, and of the rest some, in either case of hexadecimal digits.</summary>
    private static string Spell(string key, Random random)
    {
        var spelt = new StringBuilder();
        foreach (var b in Encoding.UTF8.GetBytes(key))
            if (b is > 0x20 and < 0x7F && b != '%' && random.Next(2) == 0)
                spelt.Append((char)b);
            else
                spelt.Append('%').Append(b.ToString(random.Next(2) == 0 ? "X2" : "x2", CultureInfo.InvariantCulture));
        return spelt.ToString();
    }
}
