import jakarta.servlet.ServletException;
import java.io.IOException;
import java.io.StringReader;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.ECPoint;
import java.security.spec.ECPublicKeySpec;
import java.time.Instant;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.realm.GenericPrincipal;
import org.apache.catalina.valves.ValveBase;
import org.apache.tomcat.util.json.JSONParser;

/**
 * Takes requests of the gate alone, and tells applications who asks: the subject and the roles of a verified {@code Poort-Assertion}.
 *
 * <p>It needs nothing but Tomcat: {@code javac -cp 'lib/*:bin/*' -d lib PoortValve.java} in Tomcat's directory. {@code conf/poort/jwks.json} is what the
 * gate's admin listener answers at {@code /.well-known/jwks.json}; it is read again when a key is not in it, at most once a minute.
 */
public final class PoortValve extends ValveBase {
    private static final String CERTIFICATES = "jakarta.servlet.request.X509Certificate";
    private static final long CLOCK_SECONDS = 30;

    private String subject;
    private String issuer;
    private String audience;
    private String keys;
    private volatile Map<String, PublicKey> known = Map.of();
    private volatile Instant read = Instant.MIN;

    public PoortValve() {
        super(true);
    }

    /** The subject of the gate's certificate, as RFC 2253 writes it. */
    public void setSubject(String subject) {
        this.subject = subject;
    }

    /** The {@code iss} of its assertions. */
    public void setIssuer(String issuer) {
        this.issuer = issuer;
    }

    /** The {@code aud} of those for this source: its name at the gate. */
    public void setAudience(String audience) {
        this.audience = audience;
    }

    /** The file with the gate's keys, a JWK Set, from Tomcat's directory. */
    public void setKeys(String keys) {
        this.keys = keys;
    }

    @Override
    protected void startInternal() throws LifecycleException {
        if (subject == null || issuer == null || audience == null || keys == null) {
            throw new LifecycleException("PoortValve needs subject, issuer, audience and keys");
        }
        try {
            readKeys();
        } catch (Exception fault) {
            throw new LifecycleException("PoortValve cannot read " + keys, fault);
        }
        super.startInternal();
    }

    @Override
    public void invoke(Request request, Response response) throws IOException, ServletException {
        if (!isGate(request)) {
            response.sendError(Response.SC_FORBIDDEN);
            return;
        }
        try {
            request.setUserPrincipal(verified(request.getHeader("Poort-Assertion")));
            request.setAuthType("POORT");
        } catch (Exception fault) {
            // In doubt nobody: what cannot be read is not believed, whatever the reason.
            containerLog("refused: " + fault.getMessage());
            response.sendError(Response.SC_UNAUTHORIZED);
            return;
        }
        getNext().invoke(request, response);
    }

    private void containerLog(String what) {
        getContainer().getLogger().info(what);
    }

    /** The connector has verified the chain; whose it is, is seen here. */
    private boolean isGate(Request request) {
        return request.getAttribute(CERTIFICATES) instanceof X509Certificate[] chain
                && chain.length > 0
                && subject.equals(chain[0].getSubjectX500Principal().getName("RFC2253"));
    }

    /** A JWS in compact form (RFC 7515), ES256 and nothing else (RFC 8725, 3.1), for this source and in time (RFC 7519, 4.1). */
    private GenericPrincipal verified(String assertion) throws Exception {
        if (assertion == null) {
            throw new GeneralSecurityException("no assertion");
        }
        String[] parts = assertion.split("\\.", -1);
        if (parts.length != 3) {
            throw new GeneralSecurityException("no JWS");
        }
        Map<String, Object> header = json(parts[0]);
        if (!"ES256".equals(header.get("alg")) || !"poort-assertion+jwt".equals(header.get("typ"))) {
            throw new GeneralSecurityException("another kind of token");
        }
        Signature signature = Signature.getInstance("SHA256withECDSAinP1363Format");
        signature.initVerify(key(String.valueOf(header.get("kid"))));
        signature.update((parts[0] + "." + parts[1]).getBytes(StandardCharsets.US_ASCII));
        if (!signature.verify(Base64.getUrlDecoder().decode(parts[2]))) {
            throw new GeneralSecurityException("a wrong signature");
        }
        Map<String, Object> claims = json(parts[1]);
        long now = Instant.now().getEpochSecond();
        if (!issuer.equals(claims.get("iss")) || !audience.equals(claims.get("aud"))) {
            throw new GeneralSecurityException("an assertion for another source, or of another gate");
        }
        if (seconds(claims, "exp") < now - CLOCK_SECONDS || seconds(claims, "iat") > now + CLOCK_SECONDS) {
            throw new GeneralSecurityException("an assertion of another time");
        }
        List<String> roles = ((List<?>) claims.get("roles")).stream().map(String::valueOf).toList();
        return new GenericPrincipal((String) claims.get("sub"), roles);
    }

    private PublicKey key(String kid) throws Exception {
        if (!known.containsKey(kid) && read.isBefore(Instant.now().minusSeconds(60))) {
            readKeys();
        }
        PublicKey key = known.get(kid);
        if (key == null) {
            throw new GeneralSecurityException("an unknown key");
        }
        return key;
    }

    private void readKeys() throws Exception {
        read = Instant.now();
        Path file = getContainer().getCatalinaBase().toPath().resolve(keys);
        Map<String, Object> set = new JSONParser(new StringReader(Files.readString(file))).object();
        Map<String, PublicKey> found = new HashMap<>();
        for (Object each : (List<?>) set.get("keys")) {
            Map<?, ?> jwk = (Map<?, ?>) each;
            if ("EC".equals(jwk.get("kty")) && "P-256".equals(jwk.get("crv"))) {
                found.put((String) jwk.get("kid"), publicKey((String) jwk.get("x"), (String) jwk.get("y")));
            }
        }
        known = Map.copyOf(found);
    }

    /** RFC 7518, 6.2.1. */
    private static PublicKey publicKey(String x, String y) throws GeneralSecurityException {
        AlgorithmParameters curve = AlgorithmParameters.getInstance("EC");
        curve.init(new ECGenParameterSpec("secp256r1"));
        ECPoint point = new ECPoint(coordinate(x), coordinate(y));
        ECParameterSpec parameters = curve.getParameterSpec(ECParameterSpec.class);
        return KeyFactory.getInstance("EC").generatePublic(new ECPublicKeySpec(point, parameters));
    }

    private static BigInteger coordinate(String text) {
        return new BigInteger(1, Base64.getUrlDecoder().decode(text));
    }

    private static Map<String, Object> json(String part) throws Exception {
        String text = new String(Base64.getUrlDecoder().decode(part), StandardCharsets.UTF_8);
        return new JSONParser(new StringReader(text)).object();
    }

    private static long seconds(Map<String, Object> claims, String name) {
        return ((Number) claims.get(name)).longValue();
    }
}
