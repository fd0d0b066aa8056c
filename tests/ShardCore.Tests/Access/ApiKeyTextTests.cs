using System.Security.Cryptography;
using System.Text;
using ShardCore.Access;

namespace ShardCore.Tests.Access;

public sealed class ApiKeyTextTests
{
    /// <summary>Made with Python: its <c>zlib.crc32</c> and <c>hashlib.sha256</c>.</summary>
    private const string Golden = "shk_0123456789ABCDEF_abcdefghijklmnopqrstuvwxyz0123450aKi0O";

    [Fact]
    public void A_new_key_is_read_back_and_only_its_hash_is_kept()
    {
        var (text, id, hash) = ApiKeyText.Create();

        Assert.True(ApiKeyText.TryParse(text, out var readId, out var secret));
        Assert.Equal(id, readId.ToString());
        Assert.Equal(hash, SHA256.HashData(Encoding.ASCII.GetBytes(secret.ToString())));
        var again = new byte[ApiKeyText.HashBytes];
        ApiKeyText.Hash(secret, again);
        Assert.Equal(hash, again);
        Assert.Matches("^shk_[0-9A-Za-z]{16}_[0-9A-Za-z]{38}$", text);
    }

    [Fact]
    public void A_key_that_was_made_elsewhere_is_read_by_its_documented_form()
    {
        Assert.True(ApiKeyText.TryParse(Golden, out var id, out var secret));
        Assert.Equal("0123456789ABCDEF", id.ToString());
        Assert.Equal("abcdefghijklmnopqrstuvwxyz012345", secret.ToString());
    }

    [Fact]
    public void Every_typing_error_is_told_without_a_look()
    {
        var (text, _, _) = ApiKeyText.Create();
        for (var i = 0; i < text.Length; i++)
        {
            Assert.False(Reads(text.Remove(i, 1)));
            Assert.False(Reads(text.Insert(i, "x")));
            Assert.False(Reads(text[..i] + (text[i] == 'x' ? 'y' : 'x') + text[(i + 1)..]));
            if (i > 0 && text[i] != text[i - 1])
                Assert.False(Reads(text[..(i - 1)] + text[i] + text[i - 1] + text[(i + 1)..]));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("shk_")]
    [InlineData("shk_0123456789ABCDEF-abcdefghijklmnopqrstuvwxyz0123450aKi0O")]
    [InlineData("SHK_0123456789ABCDEF_abcdefghijklmnopqrstuvwxyz0123450aKi0O")]
    [InlineData("shk_0123456789ABCDEÉ_abcdefghijklmnopqrstuvwxyz0123450aKi0O")]
    [InlineData(" shk_0123456789ABCDEF_abcdefghijklmnopqrstuvwxyz0123450aKi0O")]
    public void What_nobody_ever_made_is_refused(string text) => Assert.False(Reads(text));

    [Fact]
    public void No_two_keys_are_alike()
    {
        var keys = Enumerable.Range(0, 1000).Select(_ => ApiKeyText.Create()).ToArray();

        Assert.Equal(keys.Length, keys.Select(key => key.Id).Distinct(StringComparer.Ordinal).Count());
        Assert.Equal(keys.Length, keys.Select(key => Convert.ToHexString(key.SecretHash)).Distinct(StringComparer.Ordinal).Count());
    }

    private static bool Reads(string text) => ApiKeyText.TryParse(text, out _, out _);
}
