namespace ShardRouter.Configuration;

/// <summary>The PEM files of a router's certificate.</summary>
/// <param name="Certificate">The certificate, and behind it those between it and its root.</param>
/// <param name="Key">Its private key, without a passphrase.</param>
public sealed record TlsFiles(string Certificate, string Key)
{
    /// <returns>Null: both are empty.</returns>
    /// <exception cref="FormatException">One is missing.</exception>
    internal static TlsFiles? Of(string certificate, string key) => (certificate, key) switch
    {
        ("", "") => null,
        ("", _) => throw new FormatException("SHARDING_TLS_KEY is set without SHARDING_TLS_CERT."),
        (_, "") => throw new FormatException("SHARDING_TLS_CERT is set without SHARDING_TLS_KEY."),
        _ => new TlsFiles(certificate, key),
    };
}
