using System.Text;
using FsCheck;
using FsCheck.Fluent;
using ShardRouter.Keys;

namespace ShardRouter.Tests.Listing;

public sealed class PrefixSuccessorProperties
{
    /// <summary>Characters at the edges of UTF-8's lengths, of the surrogates, and of Unicode.</summary>
    private static readonly Gen<string> Text = Gen.Elements("a", "b", "\u007f", "\u0080", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff", "\U00010000", "\U0010fffe", "\U0010ffff")
        .ListOf().Select(parts => string.Concat(parts));

    [Fact]
    public void Between_a_prefix_and_its_successor_are_exactly_the_texts_that_begin_so() => Prop.ForAll(
        Text.ToArbitrary(), Text.ToArbitrary(), Gen.Elements(true, false).ToArbitrary(),
        (prefix, other, extends) =>
        {
            var text = extends ? prefix + other : other;
            var isBetween = Compare(text, prefix) >= 0 && (KeyOrder.Successor(prefix) is not { } end || Compare(text, end) < 0);
            return isBetween == text.StartsWith(prefix, StringComparison.Ordinal);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(5000));

    [Theory]
    [InlineData("a", "b")]
    [InlineData("az", "a{")]
    [InlineData("\u007f", "\u0080")]
    [InlineData("\ud7ff", "\ue000")]
    [InlineData("\uffff", "\U00010000")]
    [InlineData("a\U0010ffff", "b")]
    [InlineData("\U0010ffff\U0010ffff", null)]
    [InlineData("", null)]
    public void The_successor_is_the_next_text_that_does_not_begin_so(string prefix, string? successor) =>
        Assert.Equal(successor, KeyOrder.Successor(prefix));

    private static int Compare(string x, string y) => Encoding.UTF8.GetBytes(x).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(y));
}
