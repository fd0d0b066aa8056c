using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ShardRouter.Tests.Access;

/// <summary>Makes signed tokens and the public keys for them with nothing but the framework's cryptography, as an identity provider does.</summary>
internal sealed class TokenMaker : IDisposable
{
    public const string Issuer = "https://login.example";
    public const string Audience = "sharded-data";

    private readonly AsymmetricAlgorithm _key;
    private readonly string _id = Guid.NewGuid().ToString("N");

    private TokenMaker(AsymmetricAlgorithm key) => _key = key;

    public static TokenMaker Rsa() => new(RSA.Create(2048));

    public static TokenMaker Ec() => new(ECDsa.Create(ECCurve.NamedCurves.nistP256));

    /// <summary>The file or answer with the public halves.</summary>
    public static string Jwks(params TokenMaker[] makers) => new JsonObject { ["keys"] = new JsonArray([.. makers.Select(maker => maker.PublicKey())]) }.ToJsonString();

    public static Dictionary<string, object> Claims(string scope = "items:read items:write collections:admin", string tenant = "t1", TimeSpan? lives = null) => new(StringComparer.Ordinal)
    {
        ["iss"] = Issuer,
        ["aud"] = Audience,
        ["sub"] = "somebody",
        ["nbf"] = DateTimeOffset.UtcNow.AddMinutes(-5).ToUnixTimeSeconds(),
        ["exp"] = DateTimeOffset.UtcNow.Add(lives ?? TimeSpan.FromMinutes(5)).ToUnixTimeSeconds(),
        ["scope"] = scope,
        ["tenant"] = tenant,
    };

    /// <param name="algorithm">As the header names it; null: RS256 or ES256, whichever fits the key.</param>
    public string Token(Dictionary<string, object> claims, string? algorithm = null)
    {
        algorithm ??= _key is RSA ? "RS256" : "ES256";
        var head = Part(new Dictionary<string, object>(StringComparer.Ordinal) { ["alg"] = algorithm, ["typ"] = "JWT", ["kid"] = _id }) + "." + Part(claims);
        return head + "." + Base64Url.EncodeToString(Sign(Encoding.ASCII.GetBytes(head), algorithm));
    }

    /// <summary>As if the public key were a shared secret: the classic confusion of algorithms.</summary>
    public string TokenSignedWithThePublicKey(Dictionary<string, object> claims)
    {
        var head = Part(new Dictionary<string, object>(StringComparer.Ordinal) { ["alg"] = "HS256", ["typ"] = "JWT", ["kid"] = _id }) + "." + Part(claims);
        return head + "." + Base64Url.EncodeToString(HMACSHA256.HashData(_key.ExportSubjectPublicKeyInfo(), Encoding.ASCII.GetBytes(head)));
    }

    public static string Unsigned(Dictionary<string, object> claims) =>
        Part(new Dictionary<string, object>(StringComparer.Ordinal) { ["alg"] = "none", ["typ"] = "JWT" }) + "." + Part(claims) + ".";

    public void Dispose() => _key.Dispose();

    private static string Part(Dictionary<string, object> members) => Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(members));

    private byte[] Sign(byte[] text, string algorithm) => (_key, algorithm) switch
    {
        (RSA rsa, "PS256") => rsa.SignData(text, HashAlgorithmName.SHA256, RSASignaturePadding.Pss),
        (RSA rsa, "RS512") => rsa.SignData(text, HashAlgorithmName.SHA512, RSASignaturePadding.Pkcs1),
        (RSA rsa, _) => rsa.SignData(text, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1),
        (ECDsa ec, _) => ec.SignData(text, HashAlgorithmName.SHA256),
        _ => throw new InvalidOperationException("There is no such key."),
    };

    private JsonObject PublicKey()
    {
        if (_key is RSA rsa)
        {
            var numbers = rsa.ExportParameters(includePrivateParameters: false);
            return new JsonObject { ["kty"] = "RSA", ["use"] = "sig", ["kid"] = _id, ["n"] = Base64Url.EncodeToString(numbers.Modulus), ["e"] = Base64Url.EncodeToString(numbers.Exponent) };
        }
        var point = ((ECDsa)_key).ExportParameters(includePrivateParameters: false).Q;
        return new JsonObject { ["kty"] = "EC", ["crv"] = "P-256", ["use"] = "sig", ["kid"] = _id, ["x"] = Base64Url.EncodeToString(point.X), ["y"] = Base64Url.EncodeToString(point.Y) };
    }
}
