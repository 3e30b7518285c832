import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;

/** `java TrustBundle.java BUNDLE.pem STORE.p12`: the bundle's authorities as a trust store, which is all that Java reads. */
final class TrustBundle {
  public static void main(String[] arguments) throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    try (InputStream bundle = Files.newInputStream(Path.of(arguments[0]))) {
      int number = 0;
      for (Certificate authority : CertificateFactory.getInstance("X.509").generateCertificates(bundle)) {
        store.setCertificateEntry("authority-" + number++, authority);
      }
    }
    // authorities are no secret; a store has to have a password
    try (OutputStream file = Files.newOutputStream(Path.of(arguments[1]))) {
      store.store(file, "changeit".toCharArray());
    }
  }
}
