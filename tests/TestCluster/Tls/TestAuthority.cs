using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace TestCluster;

/// <summary>A certificate authority for a test, with PEM files in a folder of its own.</summary>
public sealed class TestAuthority : IDisposable
{
    private const string ForServers = "1.3.6.1.5.5.7.3.1";

    private readonly X509Certificate2 _root;
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly string _folder = TemporaryFolder.NewPath("authority");

    public TestAuthority()
    {
        Directory.CreateDirectory(_folder);
        var request = new CertificateRequest($"CN=authority {Guid.NewGuid():N}", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        var now = TimeProvider.System.GetUtcNow();
        _root = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(30));
        Pem = _root.ExportCertificatePem();
        CaFile = PathOf("ca.pem");
        File.WriteAllText(CaFile, Pem);
    }

    /// <summary>Its own certificate.</summary>
    public string Pem { get; }

    /// <summary>The file of <see cref="Pem"/>.</summary>
    public string CaFile { get; }

    /// <summary>What a client believes that knows this authority and no other.</summary>
    public X509ChainPolicy Policy => PolicyOf(_root);

    public static X509ChainPolicy PolicyOf(X509Certificate2 root)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.Add(root);
        return policy;
    }

    public string PathOf(string file) => Path.Combine(_folder, file);

    /// <summary>Writes a new certificate and its key to NAME.crt and NAME.key. Those that were there are replaced.</summary>
    /// <param name="hosts">Names or IP addresses for which it is.</param>
    /// <returns>The two files.</returns>
    public (string Certificate, string Key) Issue(string name, params string[] hosts)
    {
        var (certificate, key) = Make(name, hosts);
        var files = (PathOf(name + ".crt"), PathOf(name + ".key"));
        File.WriteAllText(files.Item1, certificate);
        File.WriteAllText(files.Item2, key);
        return files;
    }

    /// <returns>A new certificate and its key, as PEM.</returns>
    public (string Certificate, string Key) Make(string name, params string[] hosts)
    {
        using var pair = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=" + name, pair, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        foreach (var host in hosts)
            if (IPAddress.TryParse(host, out var address))
                names.AddIpAddress(address);
            else
                names.AddDnsName(host);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(ForServers)], critical: false));
        using var certificate = request.Create(_root, new DateTimeOffset(_root.NotBefore), new DateTimeOffset(_root.NotAfter), RandomNumberGenerator.GetBytes(12));
        return (certificate.ExportCertificatePem(), pair.ExportPkcs8PrivateKeyPem());
    }

    public void Dispose()
    {
        _root.Dispose();
        _key.Dispose();
        TemporaryFolder.Remove(_folder);
    }
}
