using System.Reflection;
using System.Text;

namespace ShardCore.Migrations;

/// <summary>The SQL that makes the roles of a shard: <c>migrations/make_….sql</c>, which are embedded in this program.</summary>
public static class RoleScript
{
    /// <param name="standbys">Whether a standby may take the shard over: routers need more rights then.</param>
    public static string Read(bool standbys) =>
        ReadText("make_roles.sql") + (standbys ? "\n" + ReadText("make_standby_rights.sql") : "");

    private static string ReadText(string name)
    {
        using var reader = new StreamReader(Assembly.GetExecutingAssembly().GetManifestResourceStream("migrations/" + name)!, Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
