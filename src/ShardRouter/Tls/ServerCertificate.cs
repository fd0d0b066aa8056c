using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ShardRouter.Configuration;

namespace ShardRouter.Tls;

/// <summary>The certificate that this router shows, as its files had it when they were last read.</summary>
/// <remarks>
/// A connection keeps the certificate that it began with. The next one gets the new one. While one certificate is in use all handshakes
/// share one object, because that is what makes them resume earlier sessions.
/// </remarks>
internal sealed class ServerCertificate
{
    private readonly TlsFiles _files;
    private volatile Read _read;

    private ServerCertificate(TlsFiles files) =>
        (_files, _read) = (files, Parse(File.ReadAllText(files.Certificate), File.ReadAllText(files.Key)));

    /// <summary>For each handshake.</summary>
    public SslServerAuthenticationOptions Options => _read.Options;

    /// <summary>The end of its life.</summary>
    public DateTimeOffset NotAfter => _read.NotAfter;

    /// <returns>Null: there are no files.</returns>
    /// <exception cref="FormatException">They cannot be used.</exception>
    public static ServerCertificate? FromFiles(TlsFiles? files)
    {
        try
        {
            return files is null ? null : new ServerCertificate(files);
        }
        catch (Exception e) when (IsUnusable(e))
        {
            throw new FormatException($"SHARDING_TLS_CERT and SHARDING_TLS_KEY cannot be used: {e.Message}", e);
        }
    }

    /// <summary>
    /// Reads the files again. The files are read, and not only their times: a mounted secret is replaced by a link, and some file systems
    /// have coarse times.
    /// </summary>
    /// <returns>Whether they have something else than before.</returns>
    /// <exception cref="Exception">They cannot be used now (<see cref="IsUnusable"/>). The former certificate stays in use.</exception>
    public async Task<bool> LookAsync(CancellationToken cancellation)
    {
        var certificate = await File.ReadAllTextAsync(_files.Certificate, cancellation);
        var key = await File.ReadAllTextAsync(_files.Key, cancellation);
        if (certificate == _read.Certificate && key == _read.Key)
            return false;
        _read = Parse(certificate, key);
        return true;
    }

    /// <summary>Whether the files are at fault: somebody may be about to write the second of them.</summary>
    public static bool IsUnusable(Exception e) =>
        e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException;

    private static Read Parse(string certificate, string key)
    {
        var own = X509Certificate2.CreateFromPem(certificate, key); // it refuses a key of another certificate
        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(certificate);
        chain.RemoveAt(0);
        var options = new SslServerAuthenticationOptions
        {
            ServerCertificateContext = SslStreamCertificateContext.Create(own, chain, offline: true),
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ApplicationProtocols = [SslApplicationProtocol.Http11],
        };
        return new Read(certificate, key, options, new DateTimeOffset(own.NotAfter));
    }

    private sealed record Read(string Certificate, string Key, SslServerAuthenticationOptions Options, DateTimeOffset NotAfter);
}
